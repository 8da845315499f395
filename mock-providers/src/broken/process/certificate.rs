//! The certificate that the plugin prints, and the one that it shows (P-007, P-008).

use std::{env, error::Error, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD};
use counterfoil_proto::handshake::CLIENT_CERT;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    PKCS_ECDSA_P521_SHA512, date_time_ymd,
};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use tokio_rustls::TlsAcceptor;

/// Who the plugin says that it is.
pub(super) struct Identity {
    /// The certificate of the handshake line.
    pub(super) printed: Option<String>,
    /// What serves TLS; nothing where the plugin serves without.
    pub(super) tls: Option<TlsAcceptor>,
}

/// The identity for a switch, and for what the host asked.
pub(super) fn choose(switch: &str) -> Result<Identity, Box<dyn Error>> {
    let asked = env::var_os(CLIENT_CERT).is_some();
    let (certificate, key) = match switch {
        "cert-unasked" => {
            let (certificate, _) = make("localhost", 4000)?;
            return Ok(Identity { printed: Some(print(&certificate)), tls: None });
        }
        "cert-absent" => return Ok(Identity { printed: None, tls: None }),
        _ if !asked => return Ok(Identity { printed: None, tls: None }),
        "cert-expired" => make("localhost", 2001)?,
        "cert-other-name" => make("example.com", 4000)?,
        _ => make("localhost", 4000)?,
    };
    let printed = match switch {
        "cert-garbage" => {
            BASE64_STANDARD_NO_PAD.encode("This is a sentence and no certificate, however long.")
        }
        "cert-other-key" => print(&make("localhost", 4000)?.0),
        _ => print(&certificate),
    };
    // It does not look at the certificate of the host: nothing here is about that.
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Identity { printed: Some(printed), tls: Some(TlsAcceptor::from(Arc::new(config))) })
}

fn make(
    host: &str,
    last_year: i32,
) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), rcgen::Error> {
    let mut params = CertificateParams::new([host.to_owned()])?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, host);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(last_year, 1, 1);
    let key = KeyPair::generate_for(&PKCS_ECDSA_P521_SHA512)?;
    let certificate = params.self_signed(&key)?.der().clone();
    Ok((certificate, key.into()))
}

fn print(certificate: &CertificateDer<'_>) -> String {
    BASE64_STANDARD_NO_PAD.encode(certificate)
}
