// The name of a tree: one SHA-256 over everything in it that can reach an image.

#ifndef STEVEDORE_CONTEXT_TREE_DIGEST_H_
#define STEVEDORE_CONTEXT_TREE_DIGEST_H_

#include <vector>

#include "context/tree.h"
#include "oci/image/digest.h"

namespace stevedore::context {

// The tree digest of a sorted, complete entry list (see Tree::entries). A directory's digest is
// SHA-256 over the concatenation of its entries in order of name bytes, each
//   type         1 byte: 'f' file, 'd' directory, 'l' symbolic link
//   mode         4 bytes, big endian: NormalizedMode
//   name length  4 bytes, big endian
//   name         without directory
//   digest       32 bytes: SHA-256 of the content, of the link's target, or the directory's own
//   digest
// and the tree's digest is that of its root. It is part of build keys: changing it rebuilds
// everything everywhere. Thread-safe.
oci::Digest TreeDigest(const std::vector<TreeEntry>& entries);

}  // namespace stevedore::context

#endif  // STEVEDORE_CONTEXT_TREE_DIGEST_H_
