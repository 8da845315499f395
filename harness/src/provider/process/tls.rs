//! `AutoMTLS` on the side of the host (P-007): a certificate of our own, and the plugin's pinned to the byte.

use std::sync::{Arc, Mutex, PoisonError};

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use counterfoil_core::trace::CertificateProblem;
use counterfoil_mock::plugin::certificate::{Identity, NAME};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

/// What talks to the server of the certificate in `pinned`, and to no other, as `host`.
///
/// # Errors
/// When our own key is refused, which is a defect.
pub(super) fn client(host: &Identity, pinned: &Arc<Pinned>) -> Result<ClientConfig, Error> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(rustls::ALL_VERSIONS)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(pinned) as Arc<dyn ServerCertVerifier>)
        .with_client_auth_cert(vec![host.certificate.clone()], host.key.clone_key())?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// The certificate of a handshake line, looked at.
#[derive(Debug)]
pub(super) struct Examined {
    /// None where it is no certificate.
    pub der: Option<CertificateDer<'static>>,
    pub problem: Option<CertificateProblem>,
    pub detail: String,
}

impl Examined {
    /// Looks at a certificate: DER in base64, without padding or with it.
    pub(super) fn new(text: &str) -> Self {
        let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        let garbage = |detail| Self { der: None, problem: Some(CertificateProblem::Garbage), detail };
        let der = match GeneralPurpose::new(&alphabet::STANDARD, lenient).decode(text.trim()) {
            Ok(der) => der,
            Err(error) => {
                let beginning: String = text.chars().take(60).collect();
                return garbage(format!("{beginning:?} is no base64: {error}"));
            }
        };
        let (problem, detail) = match X509Certificate::from_der(&der) {
            Err(error) => {
                return garbage(format!("the {} bytes in the line are no certificate: {error}", der.len()));
            }
            Ok((_, certificate)) => examine(&certificate),
        };
        Self { der: Some(der.into()), problem, detail }
    }
}

fn examine(certificate: &X509Certificate<'_>) -> (Option<CertificateProblem>, String) {
    let validity = certificate.validity();
    let alternatives = certificate.subject_alternative_name().ok().flatten();
    let names: Vec<&str> = alternatives
        .iter()
        .flat_map(|names| &names.value.general_names)
        .filter_map(|name| if let GeneralName::DNSName(name) = name { Some(*name) } else { None })
        .collect();
    let problem = if !validity.is_valid() {
        Some(CertificateProblem::Expired)
    } else if !names.iter().any(|name| name.eq_ignore_ascii_case(NAME)) {
        Some(CertificateProblem::OtherName)
    } else {
        None
    };
    let names = if names.is_empty() { "no name".to_owned() } else { names.join(", ") };
    (problem, format!("for {names}, from {} to {}", validity.not_before, validity.not_after))
}

/// Takes a server that shows exactly this certificate and can sign with its key.
#[derive(Debug)]
pub(super) struct Pinned {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
    refused: Mutex<Option<String>>,
}

impl Pinned {
    pub(super) fn new(certificate: CertificateDer<'static>) -> Arc<Self> {
        Arc::new(Self { certificate, provider: provider(), refused: Mutex::default() })
    }

    /// Why a server was refused, if one was.
    pub(super) fn refused(&self) -> Option<String> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn refuse(&self, why: String) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    fn signed(
        &self,
        checked: Result<HandshakeSignatureValid, Error>,
    ) -> Result<HandshakeSignatureValid, Error> {
        checked.inspect_err(|error| {
            self.refuse(format!("the server cannot sign with the key of its certificate: {error}"));
        })
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        // The verifier of the library would refuse it, as it says of itself that it is an authority.
        if **shown == *self.certificate {
            return Ok(ServerCertVerified::assertion());
        }
        self.refuse("the server shows another certificate than the one in its handshake line".to_owned());
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        self.signed(verify_tls12_signature(message, certificate, signature, algorithms))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        self.signed(verify_tls13_signature(message, certificate, signature, algorithms))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};
    use rcgen::{CertificateParams, KeyPair};
    use rustls::ServerConfig;
    use tokio::io::duplex;
    use tokio_rustls::{TlsAcceptor, TlsConnector};

    use super::*;

    #[test]
    fn our_own_certificate_is_in_order_with_padding_and_without() {
        let ours = Identity::generate().unwrap();
        assert!(ours.pem.starts_with("-----BEGIN CERTIFICATE-----"));
        for text in
            [BASE64_STANDARD_NO_PAD.encode(&ours.certificate), BASE64_STANDARD.encode(&ours.certificate)]
        {
            let examined = Examined::new(&text);
            assert_eq!(examined.problem, None, "{}", examined.detail);
            assert_eq!(examined.der, Some(ours.certificate.clone()));
        }
    }

    #[test]
    fn what_is_wrong_with_a_certificate_is_told() {
        let made = |name: &str, until: SystemTime| {
            let mut parameters = CertificateParams::new([name.to_owned()]).unwrap();
            parameters.not_after = until.into();
            let key = KeyPair::generate().unwrap();
            BASE64_STANDARD_NO_PAD.encode(parameters.self_signed(&key).unwrap().der())
        };
        let minute = Duration::from_secs(60);
        let (past, future) = (SystemTime::now() - minute, SystemTime::now() + minute);
        let cases = [
            (made(NAME, past), CertificateProblem::Expired),
            (made("example.org", future), CertificateProblem::OtherName),
            ("!".repeat(60), CertificateProblem::Garbage),
            (BASE64_STANDARD.encode([7; 60]), CertificateProblem::Garbage),
        ];
        for (text, problem) in cases {
            assert_eq!(Examined::new(&text).problem, Some(problem));
        }
    }

    /// How a handshake ends with a server of this certificate, pinned to another's certificate or to its own.
    async fn handshake(server: &Identity, pinned: &Arc<Pinned>) -> bool {
        let server = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(rustls::ALL_VERSIONS)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![server.certificate.clone()], server.key.clone_key());
        let Ok(server) = server else { return false };
        let client = client(&Identity::generate().unwrap(), pinned).unwrap();
        let (near, far) = duplex(1 << 16);
        let serving = tokio::spawn(TlsAcceptor::from(Arc::new(server)).accept(far));
        let name = ServerName::try_from(NAME).unwrap();
        let connected = TlsConnector::from(Arc::new(client)).connect(name, near).await.is_ok();
        serving.abort();
        connected
    }

    #[tokio::test]
    async fn a_server_is_taken_by_its_exact_certificate_only() {
        let (ours, other) = (Identity::generate().unwrap(), Identity::generate().unwrap());
        let right = Pinned::new(ours.certificate.clone());
        assert!(handshake(&ours, &right).await);
        assert_eq!(right.refused(), None);
        let wrong = Pinned::new(other.certificate.clone());
        assert!(!handshake(&ours, &wrong).await);
        assert!(wrong.refused().unwrap().contains("another certificate"));
    }
}
