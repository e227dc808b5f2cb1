use crate::udp_sender::ip_options::IpOptions;
use crate::udp_sender::queue::QUEUE_BYTES;
use crate::udp_sender::{SenderOptions, UdpSender as Sender};
use napi::bindgen_prelude::*;
use napi_derive::napi;

#[napi(object)]
pub struct UdpSenderOptions {
    pub host: String,
    pub port: u32,
    pub source_host: Option<String>,
    pub datagrams_per_second: Option<f64>,
    pub dscp: Option<u32>,
    pub ttl: Option<u32>,
    pub multicast_interface: Option<String>,
    pub keeps_source: Option<bool>,
    pub waits: Option<bool>,
}

#[napi(object, use_nullable = true)]
pub struct UdpSenderStats {
    pub sent: f64,
    pub bytes: f64,
    pub failed: f64,
    pub too_long: f64,
    pub last_error: Option<String>,
}

#[napi]
pub struct UdpSender {
    sender: Sender,
}

fn invalid(text: impl Into<String>) -> Error {
    Error::new(Status::InvalidArg, text.into())
}

fn byte(name: &str, value: Option<u32>, range: std::ops::RangeInclusive<u8>) -> Result<Option<u8>> {
    let Some(value) = value else { return Ok(None) };
    match u8::try_from(value) {
        Ok(value) if range.contains(&value) => Ok(Some(value)),
        _ => Err(invalid(format!(
            "{name} {value} is not {} to {}",
            range.start(),
            range.end()
        ))),
    }
}

#[napi]
impl UdpSender {
    #[napi(constructor)]
    pub fn new(options: UdpSenderOptions) -> Result<UdpSender> {
        let port = u16::try_from(options.port)
            .ok()
            .filter(|&port| port > 0)
            .ok_or_else(|| invalid(format!("port {} is not 1 to 65535", options.port)))?;
        let datagrams_per_second = options.datagrams_per_second.unwrap_or(0.0);
        if !(0.0..=1e9).contains(&datagrams_per_second) {
            return Err(invalid("datagramsPerSecond is 0 to 1e9"));
        }
        let ip = IpOptions {
            dscp: byte("dscp", options.dscp, 0..=63)?,
            ttl: byte("ttl", options.ttl, 1..=255)?,
            multicast_interface: options.multicast_interface,
        };
        let sender = Sender::open(&SenderOptions {
            host: options.host,
            port,
            source_host: options.source_host,
            ip,
            datagrams_per_second,
            keeps_source: options.keeps_source.unwrap_or(false),
            waits: options.waits.unwrap_or(false),
        })
        .map_err(Error::from_reason)?;
        Ok(UdpSender { sender })
    }

    #[napi]
    pub fn send(&self, bytes: &[u8], lengths: &[u32], count: u32) -> Result<()> {
        let lengths = lengths
            .get(..count as usize)
            .ok_or_else(|| invalid("fewer lengths than datagrams"))?;
        let total = lengths.iter().map(|&length| length as usize).sum();
        let bytes = bytes
            .get(..total)
            .ok_or_else(|| invalid("the datagrams are longer than the bytes given"))?;
        if !self.sender.send(bytes, lengths) {
            return Err(Error::from_reason("the sender is closed"));
        }
        Ok(())
    }

    #[napi]
    pub fn send_slot(&self, slot: &[u8], count: u32) -> Result<()> {
        match self.sender.send_slot(slot, count as usize) {
            Some(true) => Ok(()),
            Some(false) => Err(Error::from_reason("the sender is closed")),
            None => Err(invalid("that is no slot, or the sender keeps no sources")),
        }
    }

    #[napi]
    pub fn stats(&self) -> UdpSenderStats {
        let stats = self.sender.stats();
        UdpSenderStats {
            sent: stats.sent as f64,
            bytes: stats.bytes as f64,
            failed: stats.failed as f64,
            too_long: stats.too_long as f64,
            last_error: stats.last_error,
        }
    }

    /// How many sockets there have been.
    #[napi]
    pub fn sockets(&self) -> u32 {
        self.sender.sockets()
    }

    /// With `waits`: why there has been no way to the collector so far.
    #[napi(ts_return_type = "string | null")]
    pub fn obstacle(&self) -> Option<String> {
        self.sender.obstacle()
    }

    /// Bytes that wait to be sent; each datagram counts 4 more.
    #[napi]
    pub fn queued_bytes(&self) -> f64 {
        self.sender.queued() as f64
    }

    /// Resolves once everything queued has gone out.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn drain<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        self.when_below(env, 0)
    }

    /// Resolves once the queue is half empty: who waits for it is never blocked by `send`.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn room<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        self.when_below(env, QUEUE_BYTES / 2)
    }

    /// Longest payload that goes unfragmented as far as the kernel knows; 0 where it does not tell.
    #[napi]
    pub fn max_payload(&self) -> u32 {
        self.sender.max_payload().unwrap_or(0)
    }

    #[napi]
    pub fn close(&mut self) {
        self.sender.close();
    }

    fn when_below<'env>(&self, env: &'env Env, cost: usize) -> Result<Object<'env>> {
        let (deferred, promise) = env.create_deferred::<(), fn(Env) -> Result<()>>()?;
        self.sender
            .when_below(cost, Box::new(move || deferred.resolve(|_| Ok(()))));
        Ok(promise)
    }
}
