//! Lists, read as they arrive: however long they are, no more of them is held than one element.

use futures_util::try_join;
use http::{Method, Response};
use http_body_util::BodyExt as _;
use kube::client::Body;
use tokio::{sync::SemaphorePermit, time::Instant};

use super::{Cluster, TABLE};
use crate::{
    failure::{Failure, unreachable},
    names::Names,
    path::Path,
    stream::Elements,
    tries::Tries,
};

/// Names and namespaces of many objects, in little.
const METADATA: &str = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";

/// What a list hands on while it is read.
pub enum Step<'a> {
    /// It begins: what was handed on before is void.
    Begin,
    /// One element, with the head so far for whoever needs it.
    Element(&'a Elements, &'a [u8]),
}

/// A list that is there to be read.
pub struct Opened<'c> {
    body: Body,
    end: Instant,
    _slot: SemaphorePermit<'c>,
}

impl Cluster {
    /// Reads a list element by element: `field` is the array they are in. Whoever takes them begins anew when told to.
    pub async fn list(
        &self,
        path: &Path,
        accept: &'static str,
        field: &'static str,
        mut take: impl FnMut(Step<'_>) -> Result<(), Failure> + Send,
    ) -> Result<Vec<u8>, Failure> {
        let end = self.end(path.limit());
        let mut tries = Tries::default();
        loop {
            let read = async {
                let slot = self.slot(path, end).await?;
                let body = self.send(Method::GET, path, accept, None, end).await?.into_body();
                self.elements(Opened { body, end, _slot: slot }, field, &mut take).await
            };
            match read.await {
                Ok(head) => return Ok(head),
                Err(failure) => self.again(failure, &mut tries, end).await?,
            }
        }
    }

    /// Reads a list that is there, once.
    pub async fn elements(
        &self,
        mut opened: Opened<'_>,
        field: &'static str,
        take: &mut (impl FnMut(Step<'_>) -> Result<(), Failure> + Send),
    ) -> Result<Vec<u8>, Failure> {
        take(Step::Begin)?;
        let mut elements = Elements::of(field);
        while let Some(frame) = self.within(opened.end, opened.body.frame()).await? {
            let frame = frame.map_err(|error| unreachable(&error))?;
            if let Some(bytes) = frame.data_ref() {
                elements.push(bytes, &mut |elements, element| take(Step::Element(elements, element)))?;
            }
        }
        elements.finish()?;
        Ok(elements.head().to_vec())
    }

    /// The names of a list.
    pub async fn names(&self, path: &Path) -> Result<Names, Failure> {
        let end = self.end(path.limit());
        let mut tries = Tries::default();
        loop {
            let read = async {
                let _slot = self.slot(path, end).await?;
                self.named(self.send(Method::GET, path, METADATA, None, end).await?, end).await
            };
            match read.await {
                Ok(names) => return Ok(names),
                Err(failure) => self.again(failure, &mut tries, end).await?,
            }
        }
    }

    /// The names of a list and, asked for at the same time, its table: while the names are read, the API server makes it. Asked for once.
    pub async fn named_table(&self, names: &Path, table: &Path) -> Result<(Names, Opened<'_>), Failure> {
        let end = self.end(names.limit());
        // One for both: whoever holds one never waits for another.
        let slot = self.slot(names, end).await?;
        let read = async { self.named(self.send(Method::GET, names, METADATA, None, end).await?, end).await };
        let (names, table) = try_join!(read, self.send(Method::GET, table, TABLE, None, end))?;
        Ok((names, Opened { body: table.into_body(), end, _slot: slot }))
    }

    async fn named(&self, response: Response<Body>, end: Instant) -> Result<Names, Failure> {
        let mut body = response.into_body();
        let mut names = Names::default();
        while let Some(frame) = self.within(end, body.frame()).await? {
            let frame = frame.map_err(|error| unreachable(&error))?;
            if let Some(bytes) = frame.data_ref() {
                names.push(bytes)?;
            }
        }
        Ok(names)
    }
}
