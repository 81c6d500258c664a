#include "worker/pack_repository.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "context/pack_cache.h"
#include "context/pack_upload.h"
#include "context/tree.h"
#include "oci/image/digest.h"
#include "oci/image/reference.h"
#include "oci/layout/layout.h"
#include "worker/context_provider.h"
#include "worker/layout_provider.h"
#include "worker/repository_provider.h"

namespace stevedore::worker {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::HasSubstr;

// The whole way of a context: from a submitter through a repository to a worker.
TEST(PackRepositoryTest, WhatIsUploadedCanBeOpenedByAWorker) {
  ASSERT_OK_AND_ASSIGN(const auto directory, base::TemporaryDirectory::Create());
  ASSERT_OK_AND_ASSIGN(const oci::Layout layout,
                       oci::Layout::OpenOrCreate(directory.path() + "/images"));
  LayoutProvider repositories(&layout);
  ASSERT_OK_AND_ASSIGN(const auto reference, oci::Reference::Parse("localhost:5000/stevedore"));
  ASSERT_OK_AND_ASSIGN(const Repository repository, repositories.Open(reference));
  ASSERT_OK_AND_ASSIGN(const auto tree, context::MemoryTree::Create(
                                            {{"d/a", std::string(100'000, 'a')}, {"b", "hello"}}));
  PackRepository sink(repository);
  context::PackUploadOptions upload;
  upload.temporary_directory = directory.path() + "/tmp";
  ASSERT_OK_AND_ASSIGN(const auto sent, context::UploadTree(*tree, nullptr, sink, upload));
  EXPECT_EQ(sent.sent_count, sent.pack_count);

  ASSERT_OK_AND_ASSIGN(const auto packs,
                       context::PackCache::Open(directory.path() + "/packs", 1 << 30));
  PackContextProvider contexts(&repositories, packs.get());
  ContextRequest request;
  request.path = "services/web";
  request.owner = "image web:1.0";
  request.artifact_repository = "localhost:5000/stevedore";
  request.tree_digest = tree->digest();
  uint64_t bytes = 0;
  request.progress = [&](uint64_t n) { bytes += n; };
  ASSERT_OK_AND_ASSIGN(const auto opened, contexts.Open(request));
  EXPECT_EQ(opened->entries(), tree->entries());
  EXPECT_EQ(bytes, sent.sent_bytes);
  request.tree_digest = oci::Digest::Of("another");
  EXPECT_THAT(contexts.Open(request),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("services/web of image web:1.0")));
}

}  // namespace
}  // namespace stevedore::worker
