//! Where the Redis is and how to get in.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use redis::{
    Client, ClientTlsConfig, ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo, RedisResult,
    TlsCertificates,
};
use secrecy::{ExposeSecret, SecretString};

use crate::config::{self, Secret};
use crate::store::Cause;

/// Where the Redis is and how to get in.
#[derive(Debug, Clone)]
pub struct RedisSettings {
    /// Name or address.
    pub host: String,
    /// Port, usually 6379.
    pub port: u16,
    /// Number of the database, usually 0.
    pub database: u32,
    /// User of the access control list; without one the password is that of the default user.
    pub username: Option<String>,
    /// Password.
    pub password: Option<SecretString>,
    /// TLS, if it is wanted.
    pub tls: Option<RedisTls>,
    /// How long to wait for a connection to each address of the host, all handshakes included. Names are resolved by the
    /// system, in its own time.
    pub connect_timeout: Duration,
    /// How long to wait for the answer to a call; afterwards the connection is dropped.
    pub response_timeout: Duration,
    /// Serve although the server does not tell whether it evicts keys: somebody says that it does not.
    pub assume_noeviction: bool,
}

/// What TLS needs, in PEM.
#[derive(Debug, Clone, Default)]
pub struct RedisTls {
    /// Certificates of authorities to trust instead of the system's.
    pub authorities: Option<String>,
    /// Certificate chain and key of this client, if the server asks for one.
    pub client: Option<(String, SecretString)>,
}

impl RedisTls {
    fn of(tls: &config::Tls) -> Result<Self, Cause> {
        let text = |file: &PathBuf| {
            fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
        };
        let certificate = tls.cert.as_ref().map(text).transpose()?;
        let key = tls.key.as_ref().map(text).transpose()?;
        Ok(Self {
            authorities: tls.ca.as_ref().map(text).transpose()?,
            client: certificate.zip(key.map(SecretString::from)),
        })
    }
}

impl RedisSettings {
    /// A Redis without password or TLS, with the usual timeouts: 1 s to connect, 2 s for an answer.
    pub fn plain(host: &str, port: u16) -> Self {
        Self {
            host: host.to_owned(),
            port,
            database: 0,
            username: None,
            password: None,
            tls: None,
            connect_timeout: Duration::from_secs(1),
            response_timeout: Duration::from_secs(2),
            assume_noeviction: false,
        }
    }

    /// Reads what a configuration says: passwords and certificates are read anew each time, for they change.
    ///
    /// # Errors
    /// If a file can't be read.
    pub fn of(redis: &config::Redis, assume_noeviction: bool) -> Result<Self, Cause> {
        let password = redis.password.as_ref().map(Secret::read).transpose()?;
        let tls = redis.tls.as_ref().map(RedisTls::of).transpose()?;
        Ok(Self {
            host: redis.host.clone(),
            port: redis.port,
            database: redis.database,
            username: redis.username.clone(),
            password,
            tls,
            connect_timeout: redis.connect_timeout,
            response_timeout: redis.response_timeout,
            assume_noeviction,
        })
    }

    pub(super) fn client(&self) -> RedisResult<Client> {
        let host = self.host.clone();
        let mut login = RedisConnectionInfo::default()
            .set_db(self.database.into())
            .set_skip_set_lib_name();
        if let Some(username) = &self.username {
            login = login.set_username(username);
        }
        if let Some(password) = &self.password {
            login = login.set_password(password.expose_secret());
        }
        let Some(tls) = &self.tls else {
            let address = ConnectionAddr::Tcp(host, self.port).into_connection_info()?;
            return Client::open(address.set_redis_settings(login));
        };
        // Another crate may have brought a second cryptography; whoever was first to choose is fine.
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let address = ConnectionAddr::TcpTls {
            host,
            port: self.port,
            insecure: false,
            tls_params: None,
        };
        let address = address.into_connection_info()?.set_redis_settings(login);
        Client::build_with_tls(address, tls.certificates())
    }
}

impl RedisTls {
    fn certificates(&self) -> TlsCertificates {
        let client = self.client.as_ref();
        TlsCertificates {
            client_tls: client.map(|(certificate, key)| ClientTlsConfig {
                client_cert: certificate.clone().into_bytes(),
                client_key: key.expose_secret().as_bytes().to_vec(),
            }),
            root_cert: self.authorities.clone().map(String::into_bytes),
        }
    }
}
