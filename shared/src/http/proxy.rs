//! The proxies of an environment.

use reqwest::{NoProxy, Proxy};
use url::Url;

use crate::environment::Environment;
use crate::error::{Result, ToolError};
use crate::redact;

/// The proxies of an environment: for which scheme, and where. A password in an address is registered for masking.
///
/// # Errors
/// [`Code::InvalidArgument`](crate::Code::InvalidArgument) for what is no address of a proxy; it is not repeated.
pub fn proxies(environment: &Environment) -> Result<Vec<(&'static str, Url)>> {
    let mut proxies = Vec::new();
    for (scheme, names) in [
        ("https", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]),
        ("http", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]),
    ] {
        let Some(address) = environment.first_text(&names)? else { continue };
        // `host:port` without a scheme is common, and means http.
        let address = if address.contains("://") { address } else { format!("http://{address}") };
        let url = Url::parse(&address).map_err(|_| unusable(names[0]))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(unusable(names[0]));
        }
        if let Some(password) = url.password() {
            // As it is written, and as it is sent.
            redact::register(password);
            redact::register(&decoded(password));
        }
        proxies.push((scheme, url));
    }
    Ok(proxies)
}

/// The same, as the client wants them, with the exceptions of `NO_PROXY`.
pub(super) fn rules(environment: &Environment) -> Result<Vec<Proxy>> {
    let exceptions = environment.first_text(&["NO_PROXY", "no_proxy"])?.and_then(|list| NoProxy::from_string(&list));
    let mut rules = Vec::new();
    for (scheme, url) in proxies(environment)? {
        let https = scheme == "https";
        let proxy = if https { Proxy::https(url) } else { Proxy::http(url) };
        let proxy = proxy.map_err(|_| unusable(if https { "HTTPS_PROXY" } else { "HTTP_PROXY" }))?;
        rules.push(proxy.no_proxy(exceptions.clone()));
    }
    Ok(rules)
}

fn unusable(variable: &str) -> ToolError {
    ToolError::invalid(format!("use the proxy of {variable}: it is not an http or https address"))
        .hint(format!("set {variable} to http://host:port"))
}

/// `text` with its percent signs resolved.
fn decoded(text: &str) -> String {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let (bytes, mut out, mut at) = (text.as_bytes(), Vec::new(), 0);
    while let Some(byte) = bytes.get(at) {
        let coded = (*byte == b'%').then(|| Some(digit(bytes.get(at + 1))? * 16 + digit(bytes.get(at + 2))?)).flatten();
        let coded = coded.and_then(|value| u8::try_from(value).ok());
        out.push(coded.unwrap_or(*byte));
        at += if coded.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &'static str, value: &'static str) -> Environment {
        Environment::from_fn(move |asked| (asked == name).then(|| value.into()))
    }

    #[test]
    fn a_proxy_is_an_address_and_what_is_wrong_is_not_repeated() {
        assert_eq!(proxies(&of("HTTPS_PROXY", "p:3128")).expect("proxy")[0].1.as_str(), "http://p:3128/");
        assert_eq!(proxies(&of("all_proxy", "https://p")).expect("proxy").len(), 2);
        assert_eq!(rules(&of("http_proxy", "p")).expect("rules").len(), 1);
        for wrong in ["socks5://hunter2@p", "http://", "http://hunter2@:x"] {
            let error = proxies(&of("HTTPS_PROXY", wrong)).expect_err(wrong).to_string();
            assert!(!error.contains("hunter2") && error.contains("HTTPS_PROXY"), "{error}");
        }
    }

    #[test]
    fn a_password_is_masked_as_written_and_as_sent() {
        proxies(&of("HTTPS_PROXY", "http://user:correct%20h%C3%B6rse@p:3128")).expect("proxy");
        for form in ["correct%20h%C3%B6rse", "correct hörse"] {
            assert!(!redact::redact(&format!("it said {form}!")).contains("rse"), "{form}");
        }
        assert_eq!(decoded("a%2Fb%zz%"), "a/b%zz%");
    }
}
