//! The programs of a cluster, and how each is started.

use std::path::Path;

use serde_json::json;

use super::{image, keys::NODE, places::Place};
use crate::run::{self, Result};

/// Where containerd listens, on a file system that only the cluster sees.
pub const CONTAINERD: &str = "/run/containerd/containerd.sock";

/// The ports of a cluster, all on loopback.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    /// Of the API server.
    pub server: u16,
    /// Of the kubelet.
    pub kubelet: u16,
    /// Of the metrics API.
    pub metrics: u16,
    /// Where Flux says whether it is ready.
    pub flux: u16,
}

/// A program that runs as long as the cluster does.
#[derive(Debug)]
pub struct Component {
    /// Its name, in `bin/`, and of its log.
    pub name: &'static str,
    /// Its arguments. Paths are relative to the cluster's directory.
    pub arguments: Vec<String>,
    /// What its environment has besides.
    pub environment: Vec<(&'static str, String)>,
}

/// A component without an environment of its own.
pub fn component(name: &'static str, arguments: &[&str]) -> Component {
    let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    Component { name, arguments, environment: Vec::new() }
}

/// The store. Its sockets are files: the directory they are in is nobody else's.
pub fn etcd() -> Component {
    component(
        "etcd",
        &[
            "--data-dir=etcd",
            "--listen-client-urls=unix://etcd.sock:0",
            "--advertise-client-urls=unix://etcd.sock:0",
            "--listen-peer-urls=unix://peer.sock:0",
            "--initial-advertise-peer-urls=unix://peer.sock:0",
            "--initial-cluster=default=unix://peer.sock:0",
            // It is thrown away when the machine fails.
            "--unsafe-no-fsync",
        ],
    )
}

/// The API server.
pub fn apiserver(ports: Ports) -> Component {
    let mut server = component(
        "kube-apiserver",
        &[
            "--etcd-servers=unix://etcd.sock:0",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--authorization-mode=Node,RBAC",
            "--token-auth-file=keys/tokens.csv",
            "--client-ca-file=keys/ca.crt",
            "--tls-cert-file=keys/apiserver.crt",
            "--tls-private-key-file=keys/apiserver.key",
            "--kubelet-client-certificate=keys/kubelet-client.crt",
            "--kubelet-client-key=keys/kubelet-client.key",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-account-key-file=keys/accounts.pub",
            "--service-account-signing-key-file=keys/accounts.key",
            "--requestheader-client-ca-file=keys/ca.crt",
            "--requestheader-allowed-names=front-proxy",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-username-headers=X-Remote-User",
            "--proxy-client-cert-file=keys/front-proxy.crt",
            "--proxy-client-key-file=keys/front-proxy.key",
        ],
    );
    server.arguments.push(format!("--secure-port={}", ports.server));
    server
}

/// What makes the rest of the cluster follow from the objects.
pub fn controllers() -> [Component; 2] {
    [
        component(
            "kube-controller-manager",
            &[
                "--kubeconfig=admin.conf",
                "--service-account-private-key-file=keys/accounts.key",
                "--root-ca-file=keys/ca.crt",
                "--leader-elect=false",
                "--secure-port=0",
                // Nodes that are only played keep the conditions they were given. The real one ends with the cluster.
                "--node-monitor-grace-period=1000h",
                "--flex-volume-plugin-dir=volume-plugins",
                "--horizontal-pod-autoscaler-sync-period=5s",
            ],
        ),
        component("kube-scheduler", &["--kubeconfig=admin.conf", "--leader-elect=false", "--secure-port=0"]),
    ]
}

/// What runs containers.
pub fn containerd(place: &Place) -> Result<Component> {
    let directory = place.path().display();
    let config = format!(
        r#"version = 3
root = "{directory}/containerd"

[grpc]
address = "{CONTAINERD}"

[plugins."io.containerd.internal.v1.opt"]
path = "{directory}/opt"

[plugins."io.containerd.cri.v1.images"]
# Images are one small file; an overlay would need a file system that can be one.
snapshotter = "native"

[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "{pause}"

[plugins."io.containerd.cri.v1.runtime"]
# Not every root may lower the score of a process.
restrict_oom_score_adj = true

[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["{directory}/bin"]
conf_dir = "{directory}/cni"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
BinaryName = "{directory}/bin/runc"
"#,
        pause = image::PAUSE,
    );
    run::write(&place.path().join("containerd.toml"), &config)?;
    let [a, b, c] = place.subnet();
    let network = json!({"cniVersion": "1.0.0", "name": "pods", "plugins": [{
        "type": "bridge",
        "bridge": place.bridge(),
        "isGateway": true,
        "ipMasq": false,
        "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": format!("{a}.{b}.{c}.0/24")}]],
            "dataDir": place.path().join("addresses"),
        },
    }]});
    run::write(&place.path().join("cni/10-bridge.conflist"), &network.to_string())?;
    Ok(component("containerd", &["--config=containerd.toml"]))
}

/// The kubelet.
pub fn kubelet(place: &Place, ports: Ports) -> Result<Component> {
    let within = |name: &str| place.path().join(name);
    let never: serde_json::Map<_, _> =
        ["memory.available", "nodefs.available", "nodefs.inodesFree", "imagefs.available", "imagefs.inodesFree"]
            .into_iter()
            .map(|signal| (signal.to_owned(), json!("0%")))
            .collect();
    let config = json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": "127.0.0.1",
        "port": ports.kubelet,
        "healthzPort": 0,
        "authentication": {
            "anonymous": {"enabled": false},
            "webhook": {"enabled": true},
            "x509": {"clientCAFile": within("keys/ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "containerRuntimeEndpoint": format!("unix://{CONTAINERD}"),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": format!("/{}", place.cgroup()),
        "failCgroupV1": false,
        "failSwapOn": false,
        "enforceNodeAllocatable": [],
        // How full the machine is is nobody's concern here.
        "evictionHard": never,
        "imageGCHighThresholdPercent": 100,
        "resolvConf": "/dev/null",
        // Nobody is there; without it, every pod has an event that says so.
        "clusterDNS": ["10.96.0.10"],
        "clusterDomain": "cluster.local",
        "podLogsDir": within("pod-logs"),
        // A test that writes much finds all of it in one file.
        "containerLogMaxSize": "2Gi",
        // That a container waits to be started again is said when the kubelet looks at its pod the next time, a minute later by default.
        "syncFrequency": "5s",
        "volumePluginDir": within("volume-plugins"),
    });
    run::write(&place.path().join("kubelet.json"), &config.to_string())?;
    let mut kubelet = component(
        "kubelet",
        // It refuses a loopback address, so it is told that a cloud will say where it is.
        &["--config=kubelet.json", "--kubeconfig=node.conf", "--cert-dir=kubelet-keys", "--cloud-provider=external"],
    );
    kubelet.arguments.push(format!("--hostname-override={NODE}"));
    kubelet.arguments.push(format!("--root-dir={}", within("kubelet").display()));
    Ok(kubelet)
}

/// The metrics API.
pub fn metrics(ports: Ports) -> Component {
    let mut server = component(
        "metrics-server",
        &[
            "--bind-address=127.0.0.1",
            "--cert-dir=metrics-keys",
            "--kubeconfig=admin.conf",
            "--authentication-kubeconfig=admin.conf",
            "--authorization-kubeconfig=admin.conf",
            "--kubelet-insecure-tls",
            "--kubelet-preferred-address-types=InternalIP",
            "--kubelet-use-node-status-port",
            "--metric-resolution=10s",
            "--kubelet-request-timeout=5s",
        ],
    );
    server.arguments.push(format!("--secure-port={}", ports.metrics));
    server
}

/// The service by which the API server reaches the metrics API on loopback, and the registration of the latter.
pub fn metrics_objects(ports: Ports) -> String {
    let port = ports.metrics;
    let service = json!({"name": "metrics-server", "namespace": "kube-system", "port": port});
    let objects = [
        json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "metrics-server", "namespace": "kube-system"},
            "spec": {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port}]},
        }),
        json!({
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": "v1beta1.metrics.k8s.io"},
            "spec": {
                "group": "metrics.k8s.io",
                "version": "v1beta1",
                "insecureSkipTLSVerify": true,
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
                "service": service,
            },
        }),
    ];
    json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string()
}

/// Where the log of a component is.
pub fn log(directory: &Path, name: &str) -> std::path::PathBuf {
    directory.join("logs").join(format!("{name}.log"))
}
