//! Importing root file systems as split images: the tar as it is, with a small metadata tar made here beside it.

use std::{
    io,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use codchi_controller::driver::{DriverError, Image};
use futures::{StreamExt, TryStreamExt};
use reqwest::{
    Body, Method,
    multipart::{Form, Part},
};
use serde_json::json;
use tokio_util::io::ReaderStream;

use crate::{
    LxdDriver,
    rest::Purpose,
    wire::{Alias, Operation, StoredImage},
};

/// The image property with the sha256 of its root file system.
const SHA256_PROPERTY: &str = "codchi.sha256";
/// The image property with its name.
const NAME_PROPERTY: &str = "codchi.name";
/// The engine refuses 0. The same for all, so that the same root file system is the same image everywhere.
const CREATION_DATE: u64 = 1;
/// An upload that hasn't moved for so long never will.
const STALLED: Duration = Duration::from_secs(120);

/// The name under which the engine knows an image.
fn alias(image: &Image) -> String {
    format!("codchi-{}-{}", image.name, image.sha256.get(..12).unwrap_or(&image.sha256))
}

/// The tar with `metadata.yaml` (format: LXD's `doc/image-handling.md`). JSON is YAML.
fn metadata(image: &Image) -> io::Result<Vec<u8>> {
    let yaml = json!({
        "architecture": std::env::consts::ARCH,
        "creation_date": CREATION_DATE,
        "properties": {
            "os": "codchi",
            "description": format!("Codchi {}", image.name),
            NAME_PROPERTY: image.name,
            SHA256_PROPERTY: image.sha256,
        },
    })
    .to_string();
    let mut header = tar::Header::new_gnu();
    header.set_size(yaml.len() as u64);
    header.set_mode(0o644);
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_data(&mut header, "metadata.yaml", yaml.as_bytes())?;
    tar.into_inner()
}

fn property<'a>(image: &'a StoredImage, name: &str) -> Option<&'a String> {
    image.properties.as_ref()?.get(name)
}

impl LxdDriver {
    /// The fingerprint of an image, when the engine has it.
    pub(crate) async fn find_image(&self, image: &Image) -> Result<Option<String>, DriverError> {
        let alias = alias(image);
        let purpose = Purpose::new("find", "image", &alias);
        let url = self.rest.url(&["images", "aliases", &alias], &[]);
        if let Some(found) = self.rest.find::<Alias>(url, &purpose).await? {
            return Ok(Some(found.target));
        }
        // An import that was broken off between the image and its alias.
        let url = self.rest.url(&["images"], &[("recursion", "1")]);
        let images = self.rest.get::<Vec<StoredImage>>(url, &purpose).await?;
        let same = |stored: &StoredImage| {
            property(stored, NAME_PROPERTY) == Some(&image.name)
                && property(stored, SHA256_PROPERTY) == Some(&image.sha256)
        };
        Ok(images.into_iter().find(same).map(|stored| stored.fingerprint))
    }

    pub(crate) async fn send_image(
        &self,
        image: &Image,
        rootfs: &Path,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<(), DriverError> {
        // Two uploads of the same image at once would only make the second one fail.
        let _one_at_a_time = self.importing.lock().await;
        let purpose = Purpose::new("import", "image", alias(image));
        let fingerprint = match self.find_image(image).await? {
            Some(fingerprint) => fingerprint,
            None => match self.upload_image(image, rootfs, progress, &purpose).await {
                // Another process was faster.
                Err(DriverError::Engine { action, message }) => match self.find_image(image).await? {
                    Some(fingerprint) => fingerprint,
                    None => return Err(DriverError::Engine { action, message }),
                },
                outcome => outcome?,
            },
        };
        self.name_image(&alias(image), &fingerprint, &purpose).await?;
        if let Err(error) = self.forget_older(image).await {
            // They only take space; the next import tries again.
            tracing::warn!(%error, "older images stay");
        }
        Ok(())
    }

    /// Deletes the images that this one replaces. Instances made from them don't need them.
    async fn forget_older(&self, image: &Image) -> Result<(), DriverError> {
        let purpose = Purpose::new("list", "images of", self.rest.flavour.name());
        let images = self
            .rest
            .get::<Vec<StoredImage>>(self.rest.url(&["images"], &[("recursion", "1")]), &purpose)
            .await?;
        for stored in images {
            let (name, sha256) = (property(&stored, NAME_PROPERTY), property(&stored, SHA256_PROPERTY));
            if name == Some(&image.name) && sha256.is_some_and(|sha256| *sha256 != image.sha256) {
                let purpose = Purpose::new("delete", "image", &stored.fingerprint);
                let url = self.rest.url(&["images", &stored.fingerprint], &[]);
                match self.rest.change(Method::DELETE, url, None, &purpose).await {
                    Err(DriverError::NotFound { .. }) => {}
                    outcome => outcome?,
                }
            }
        }
        Ok(())
    }

    /// Sends an image; returns its fingerprint.
    async fn upload_image(
        &self,
        image: &Image,
        rootfs: &Path,
        progress: &(dyn Fn(u64) + Send + Sync),
        purpose: &Purpose,
    ) -> Result<String, DriverError> {
        let unreadable = |source| DriverError::File { path: rootfs.to_owned(), source };
        let file = tokio::fs::File::open(rootfs).await.map_err(unreadable)?;
        let size = file.metadata().await.map_err(unreadable)?.len();
        let metadata = metadata(image).map_err(|error| purpose.interrupted(error))?;

        // The body outlives borrows: it counts into a cell, and the cell is looked at from here.
        let sent = std::sync::Arc::new(AtomicU64::new(0));
        let counter = sent.clone();
        let chunks = ReaderStream::with_capacity(file, 256 * 1024).inspect_ok(move |chunk| {
            counter.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        });
        let form = Form::new().part("metadata", Part::bytes(metadata).file_name("metadata.tar")).part(
            "rootfs",
            Part::stream_with_length(Body::wrap_stream(chunks.boxed()), size).file_name("rootfs.tar"),
        );

        let upload = self.rest.upload(self.rest.url(&["images"], &[]), form, purpose);
        tokio::pin!(upload);
        let (mut told, mut moved) = (0, tokio::time::Instant::now());
        let reply = loop {
            tokio::select! {
                reply = &mut upload => break reply?,
                () = tokio::time::sleep(Duration::from_millis(50)) => {}
            }
            let now = sent.load(Ordering::Relaxed);
            if now != told {
                (told, moved) = (now, tokio::time::Instant::now());
                progress(told);
            } else if moved.elapsed() > STALLED {
                return Err(purpose.interrupted(io::Error::from(io::ErrorKind::TimedOut)));
            }
        };
        progress(size);
        let reply = reply.ok(&self.rest, purpose)?;
        let operation = self.rest.wait(&reply.metadata::<Operation>(purpose)?.id, purpose).await?;
        match operation.metadata.get("fingerprint").and_then(serde_json::Value::as_str) {
            Some(fingerprint) if operation.succeeded() => Ok(fingerprint.to_owned()),
            _ => Err(purpose.refused(operation.err)),
        }
    }

    /// Gives an image its name, when it hasn't got it.
    async fn name_image(&self, alias: &str, fingerprint: &str, purpose: &Purpose) -> Result<(), DriverError> {
        let url = self.rest.url(&["images", "aliases", alias], &[]);
        if self.rest.find::<Alias>(url.clone(), purpose).await?.is_some() {
            return Ok(());
        }
        let body = json!({ "name": alias, "target": fingerprint, "description": "Made by Codchi" });
        match self
            .rest
            .change(Method::POST, self.rest.url(&["images", "aliases"], &[]), Some(&body), purpose)
            .await
        {
            Err(DriverError::Engine { .. }) if self.rest.find::<Alias>(url, purpose).await?.is_some() => {
                Ok(())
            }
            outcome => outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metadata_is_the_same_every_time_and_names_the_root() {
        let image = Image { name: "machine".into(), sha256: "ab".repeat(32), size: 1 };
        let tar = metadata(&image).unwrap();
        assert_eq!(tar, metadata(&image).unwrap());
        let mut archive = tar::Archive::new(tar.as_slice());
        let mut entry = archive.entries().unwrap().next().unwrap().unwrap();
        assert_eq!(entry.path().unwrap(), Path::new("metadata.yaml"));
        let value: serde_json::Value = serde_json::from_reader(&mut entry).unwrap();
        assert_eq!(value["properties"][SHA256_PROPERTY], image.sha256);
        assert_eq!(alias(&image), "codchi-machine-abababababab");
    }
}
