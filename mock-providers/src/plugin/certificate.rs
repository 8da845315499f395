//! The certificates of `AutoMTLS`, which host and plugin make alike (P-007).

use std::time::{Duration, SystemTime};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P521_SHA512,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// The name for which certificates are.
pub const NAME: &str = "localhost";
/// How far the clocks of two processes may be apart.
const BEFORE: Duration = Duration::from_secs(30);
/// How long a certificate holds: thirty years.
const AFTER: Duration = Duration::from_secs(262_980 * 60 * 60);

/// A certificate and its key.
#[derive(Debug)]
pub struct Identity {
    /// The certificate, which it has signed itself.
    pub certificate: CertificateDer<'static>,
    /// The same as it goes into an environment.
    pub pem: String,
    /// The key.
    pub key: PrivateKeyDer<'static>,
}

impl Identity {
    /// Makes a new one.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn generate() -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P521_SHA512)?;
        let mut parameters = CertificateParams::new([NAME.to_owned()])?;
        parameters.distinguished_name = DistinguishedName::new();
        parameters.distinguished_name.push(DnType::CommonName, NAME);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyEncipherment,
            KeyUsagePurpose::KeyAgreement,
            KeyUsagePurpose::KeyCertSign,
        ];
        parameters.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        let now = SystemTime::now();
        (parameters.not_before, parameters.not_after) = ((now - BEFORE).into(), (now + AFTER).into());
        let certificate = parameters.self_signed(&key)?;
        let (pem, certificate) = (certificate.pem(), certificate.der().clone());
        Ok(Self { certificate, pem, key: PrivatePkcs8KeyDer::from(key.serialize_der()).into() })
    }

    /// The certificate as it stands in the handshake line.
    pub fn field(&self) -> String {
        STANDARD_NO_PAD.encode(&self.certificate)
    }
}
