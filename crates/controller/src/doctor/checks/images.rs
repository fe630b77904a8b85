//! Are the images there that containers are made from.

use crate::{
    containers::images::ImageSet,
    doctor::{
        CheckGroup,
        finding::{Finding, Subject},
    },
};

pub(in crate::doctor) const SUBJECT: Subject =
    Subject { id: "images", group: CheckGroup::Controller, title: "Images" };

pub(in crate::doctor) fn check(images: Option<&ImageSet>) -> Finding {
    let Some(images) = images else {
        return Finding::fail(
            "missing",
            "The images that containers are made from weren't found. Install Codchi again, or point CODCHI_IMAGE_DIR at them.",
        );
    };
    let path = images.controller.path.display();
    match images.controller.path.metadata() {
        Ok(file) if file.len() == images.controller.image.size => {
            Finding::ok("there", "They are there.").seen(format!("release {}, {path}", images.release))
        }
        Ok(_) => Finding::fail(
            "size",
            "The controller's image has another size than its manifest says. Install Codchi again.",
        )
        .seen(path.to_string()),
        Err(error) => Finding::fail("unread", "The controller's image can't be read. Install Codchi again.")
            .seen(format!("{path}: {error}")),
    }
}
