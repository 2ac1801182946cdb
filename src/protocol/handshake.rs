//! go-plugin's handshake: the host starts us with a few environment variables and reads one line
//! from our standard output, which says where we listen and which certificate we show.
//!
//! Anything else on standard output before that line breaks the host's start, so no other file
//! writes there.

use std::{
    io::{self, Write as _},
    ops::RangeInclusive,
    path::PathBuf,
};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};

/// What the host put into our environment, once the magic cookie has shown that there is one.
#[derive(Debug)]
pub(super) struct Invitation {
    /// The one certificate a client may show, as PEM.
    pub(super) client_certificate: String,
    pub(super) place: Place,
    /// Whether the host asked about several streams of ours over one connection, and wants an answer.
    pub(super) asks_for_multiplexing: bool,
}

/// Where the host would like us to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Folder of the unix socket. The system's temporary one when the host names none.
    pub(super) directory: PathBuf,
    /// Group, by name or number, that may also connect.
    pub(super) group: Option<String>,
    /// TCP ports to try in turn, where there are no unix sockets.
    pub(super) ports: RangeInclusive<u16>,
}

impl Default for Place {
    fn default() -> Self {
        // The ports are those go-plugin falls back to.
        Self { directory: std::env::temp_dir(), group: None, ports: 10_000..=25_000 }
    }
}

/// Why there is no handshake.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The cookie is missing or wrong: a person started us.
    #[error(
        "This binary is a plugin. Terraform and OpenTofu start it, and run by hand it does nothing. To use it, name the provider `azwi/azwi` in a configuration and run `terraform init`. \
         To run it under a debugger, start it with --debug."
    )]
    NotAPlugin,
    /// Without the host's certificate any process on the machine could drive the provider.
    #[error(
        "The host sent no certificate to recognise it by (PLUGIN_CLIENT_CERT), and without one this provider does not \
         serve. Unset TF_DISABLE_PLUGIN_TLS; to look at the traffic, start the provider with --debug instead."
    )]
    NoCertificate,
    /// A port that is not one.
    #[error("{name} must be a port between 0 and 65535, and is `{value}`")]
    Port {
        /// The environment variable.
        name: &'static str,
        /// What it holds.
        value: String,
    },
}

const COOKIE: (&str, &str) =
    ("TF_PLUGIN_MAGIC_COOKIE", "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2");

impl Invitation {
    /// Reads the environment through `variable`, for which an unset variable and an empty one are the same.
    pub(super) fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Refusal> {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        if variable(COOKIE.0).as_deref() != Some(COOKIE.1) {
            return Err(Refusal::NotAPlugin);
        }
        let usual = Place::default();
        let port = |name: &'static str, usual: &u16| match variable(name) {
            None => Ok(*usual),
            Some(value) => value.parse().map_err(|_| Refusal::Port { name, value }),
        };
        let place = Place {
            directory: variable("PLUGIN_UNIX_SOCKET_DIR").map_or(usual.directory, PathBuf::from),
            group: variable("PLUGIN_UNIX_SOCKET_GROUP"),
            ports: port("PLUGIN_MIN_PORT", usual.ports.start())?..=port("PLUGIN_MAX_PORT", usual.ports.end())?,
        };
        Ok(Self {
            client_certificate: variable("PLUGIN_CLIENT_CERT").ok_or(Refusal::NoCertificate)?,
            place,
            asks_for_multiplexing: variable("PLUGIN_MULTIPLEX_GRPC").is_some(),
        })
    }

    /// The line that answers the invitation.
    ///
    /// The host says in PLUGIN_PROTOCOL_VERSIONS what it speaks. We speak 6 only and say so whatever
    /// it says: a host that cannot then tells its user about an incompatible version.
    pub(super) fn answer(&self, network: &str, address: &str, certificate: &[u8]) -> String {
        let certificate = STANDARD_NO_PAD.encode(certificate);
        // Old hosts split the line at its first five bars, so the seventh field is only for those that asked.
        let multiplexing = if self.asks_for_multiplexing { "|false" } else { "" };
        format!("1|6|{network}|{address}|grpc|{certificate}{multiplexing}\n")
    }
}

/// Writes `text` to standard output at once.
///
/// # Errors
/// When nobody reads it any more, which means the host is gone.
pub(super) fn announce(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invitation(variables: &[(&str, &str)]) -> Result<Invitation, Refusal> {
        Invitation::read(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    const INVITED: [(&str, &str); 2] = [COOKIE, ("PLUGIN_CLIENT_CERT", "pem")];

    #[test]
    fn without_the_cookie_or_with_a_wrong_one_nobody_is_served() {
        assert!(matches!(invitation(&[]), Err(Refusal::NotAPlugin)));
        assert!(matches!(invitation(&[(COOKIE.0, "wrong")]), Err(Refusal::NotAPlugin)));
    }

    #[test]
    fn a_host_without_a_certificate_is_refused() {
        assert!(matches!(invitation(&[COOKIE]), Err(Refusal::NoCertificate)));
        assert!(matches!(invitation(&[COOKIE, ("PLUGIN_CLIENT_CERT", "")]), Err(Refusal::NoCertificate)));
    }

    #[test]
    fn the_host_chooses_folder_group_and_ports() {
        let chosen = [
            ("PLUGIN_UNIX_SOCKET_DIR", "/run/plugins"),
            ("PLUGIN_UNIX_SOCKET_GROUP", "staff"),
            ("PLUGIN_MIN_PORT", "20000"),
            ("PLUGIN_MAX_PORT", "20010"),
        ];
        let place = invitation(&[&INVITED[..], &chosen[..]].concat()).unwrap().place;
        assert_eq!(
            place,
            Place { directory: "/run/plugins".into(), group: Some("staff".into()), ports: 20_000..=20_010 }
        );
        let place = invitation(&INVITED).unwrap().place;
        assert_eq!(place, Place::default());
    }

    #[test]
    fn a_port_that_is_none_is_named() {
        let refusal = invitation(&[&INVITED[..], &[("PLUGIN_MIN_PORT", "70000")]].concat()).unwrap_err();
        let Refusal::Port { name, value } = refusal else { panic!("{refusal}") };
        assert_eq!((name, value.as_str()), ("PLUGIN_MIN_PORT", "70000"));
    }

    #[test]
    fn the_line_has_a_seventh_field_only_for_hosts_that_asked() {
        let answer = invitation(&INVITED).unwrap().answer("unix", "/tmp/plugin1", b"\x01\x02\x03\x04");
        assert_eq!(answer, "1|6|unix|/tmp/plugin1|grpc|AQIDBA\n");
        let asked = invitation(&[&INVITED[..], &[("PLUGIN_MULTIPLEX_GRPC", "true")]].concat()).unwrap();
        assert_eq!(asked.answer("tcp", "127.0.0.1:10000", b""), "1|6|tcp|127.0.0.1:10000|grpc||false\n");
    }
}
