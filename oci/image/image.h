// An image on one platform, as documents.

#ifndef STEVEDORE_OCI_IMAGE_IMAGE_H_
#define STEVEDORE_OCI_IMAGE_IMAGE_H_

#include "oci/image/image_config.h"
#include "oci/image/manifest.h"

namespace stevedore::oci {

// Documents of one image on one platform; the blobs of its layers are elsewhere. A value.
struct Image {
  ImageConfig config;
  Manifest manifest;
};

}  // namespace stevedore::oci

#endif  // STEVEDORE_OCI_IMAGE_IMAGE_H_
