#include "transfer/copier.h"

#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "oci/image/digest.h"
#include "oci/image/media_type.h"
#include "transfer/testing/copy_place.h"

namespace stevedore::transfer {
namespace {

using ::stevedore::base::testing::StatusIs;
using testing::AddImage;
using testing::AddIndex;
using ::testing::AllOf;
using ::testing::Contains;
using testing::DigestAt;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Place;

TEST(Copier, CopiesBlobsThenTheManifestThenTheTag) {
  Place from, to;
  const oci::Descriptor image = AddImage(from, "1.0", {"one", "two", "three"});
  Copier copier;
  const auto result = copier.Copy(from, "1.0", to, "2.0");
  ASSERT_OK(result);
  EXPECT_EQ(result->digest, image.digest);
  EXPECT_EQ(result->media_type, oci::kOciManifest);
  EXPECT_FALSE(result->unchanged);
  EXPECT_FALSE(result->digests_changed);
  EXPECT_EQ(result->blobs_copied, 4u);
  EXPECT_EQ(result->manifests_copied, 1u);
  EXPECT_THAT(result->tags_written, ElementsAre("2.0"));
  EXPECT_EQ(DigestAt(to, "2.0"), image.digest);
  const std::vector<std::string> log = to.TakeLog();
  EXPECT_EQ(log.back(), "finish");
  EXPECT_EQ(log[log.size() - 2], "PUT manifest 2.0");
  EXPECT_EQ(from.Count("GET manifest"), 1);
}

TEST(Copier, ANoOpIsOneHeadPerTagAndSide) {
  Place from, to;
  std::vector<std::string> layers;
  for (int i = 0; i < 100; ++i) layers.push_back(absl::StrCat("layer ", i));
  AddImage(from, "1.0", layers);
  Copier copier;
  const CopyOptions options{.extra_tags = {"1", "latest"}};
  ASSERT_OK(copier.Copy(from, "1.0", to, "1.0", options));
  from.TakeLog();
  to.TakeLog();
  const auto again = copier.Copy(from, "1.0", to, "1.0", options);
  ASSERT_OK(again);
  EXPECT_TRUE(again->unchanged);
  EXPECT_THAT(from.TakeLog(), ElementsAre("HEAD manifest 1.0"));
  EXPECT_THAT(to.TakeLog(), ElementsAre("HEAD manifest 1", "HEAD manifest latest",
                                        "HEAD manifest 1.0", "finish"));
}

TEST(Copier, ANewTagOfAKnownImageAsksForNoBlob) {
  Place from, to;
  AddImage(from, "1.0", {"one"});
  Copier copier;
  ASSERT_OK(copier.Copy(from, "1.0", to, "1.0"));
  to.TakeLog();
  const auto again = copier.Copy(from, "1.0", to, "latest");
  ASSERT_OK(again);
  EXPECT_FALSE(again->unchanged);
  EXPECT_EQ(to.Count("HEAD blob"), 0);
  EXPECT_EQ(to.Count("PUT manifest latest"), 1);
}

TEST(Copier, WhatIsThereIsNotSent) {
  Place from, to;
  AddImage(from, "1.0", {"old", "new"});
  to.Add("old", oci::kOciLayer);
  Copier copier;
  const auto result = copier.Copy(from, "1.0", to, "1.0");
  ASSERT_OK(result);
  EXPECT_EQ(result->blobs_there, 1u);
  EXPECT_EQ(result->blobs_copied, 2u);
  EXPECT_EQ(to.Count("PUT blob"), 2);
}

TEST(Copier, OneRegistryMountsAndDoesNotAskToo) {
  Place from("reg:5000/shop/a"), to("reg:5000/shop/b");
  to.set_neighbours({{"shop/a", &from}});
  AddImage(from, "1.0", {"one", "two"});
  Copier copier;
  const auto result = copier.Copy(from, "1.0", to, "1.0");
  ASSERT_OK(result);
  EXPECT_EQ(result->blobs_mounted, 3u);
  EXPECT_EQ(to.Count("mount blob"), 3);
  EXPECT_EQ(to.Count("HEAD blob"), 0);
  EXPECT_EQ(to.Count("PUT blob"), 0);
  EXPECT_EQ(from.Count("GET blob"), 0);
}

TEST(Copier, ARefusedMountIsSent) {
  Place from("reg:5000/shop/a"), to("reg:5000/shop/b");
  AddImage(from, "1.0", {"one"});
  Copier copier;
  const auto result = copier.Copy(from, "1.0", to, "1.0");
  ASSERT_OK(result);
  EXPECT_EQ(result->blobs_copied, 2u);
}

TEST(Copier, LaterCopiesMountWhatEarlierOnesSentElsewhere) {
  Place from("far/shop/a"), first("reg:5000/one"), second("reg:5000/two");
  AddImage(from, "1.0", {"layer"});
  second.set_neighbours({{"one", &first}});
  Copier copier;
  ASSERT_OK(copier.Copy(from, "1.0", first, "1.0"));
  ASSERT_OK(copier.Copy(from, "1.0", second, "1.0"));
  EXPECT_EQ(second.Count("mount blob"), 2);
}

TEST(Copier, WithinOneRepositoryOnlyTheManifestMoves) {
  Place place("reg:5000/shop/a");
  const oci::Descriptor image = AddImage(place, "1.0", {"one"});
  Copier copier;
  ASSERT_OK(copier.Copy(place, "1.0", place, "2.0"));
  EXPECT_EQ(DigestAt(place, "2.0"), image.digest);
  EXPECT_EQ(place.Count("HEAD blob") + place.Count("mount") + place.Count("PUT blob"), 0);
}

TEST(Copier, ALayerSharedByPlatformsGoesOnce) {
  Place from, to;
  AddIndex(from, "1.0",
           {AddImage(from, "", {"base", "amd64"}), AddImage(from, "", {"base", "arm64"}, "arm64"),
            AddImage(from, "", {"base", "arm"}, "arm")});
  Copier copier;
  const auto result = copier.Copy(from, "1.0", to, "1.0");
  ASSERT_OK(result);
  EXPECT_EQ(result->blobs_copied, 7u);
  EXPECT_EQ(result->manifests_copied, 4u);
  EXPECT_EQ(to.Count("PUT blob " + oci::Digest::Of("base").ToString()), 1);
  EXPECT_EQ(to.Count("HEAD blob " + oci::Digest::Of("base").ToString()), 1);
}

TEST(Copier, NoClobberKeepsTags) {
  Place from, to;
  AddImage(from, "1.0", {"new"});
  const oci::Descriptor old = AddImage(to, "1.0", {"old"});
  Copier copier;
  const auto result =
      copier.Copy(from, "1.0", to, "1.0", {.no_clobber = true, .extra_tags = {"free"}});
  ASSERT_OK(result);
  EXPECT_THAT(result->tags_kept, ElementsAre("1.0"));
  EXPECT_THAT(result->tags_written, ElementsAre("free"));
  EXPECT_EQ(DigestAt(to, "1.0"), old.digest);
  to.TakeLog();
  const auto again =
      copier.Copy(from, "1.0", to, "1.0", {.no_clobber = true, .extra_tags = {"free"}});
  ASSERT_OK(again);
  EXPECT_TRUE(again->unchanged);
  EXPECT_EQ(again->digest, old.digest);
  EXPECT_EQ(to.Count("PUT"), 0);
}

TEST(Copier, ADryRunWritesNothing) {
  Place from, to;
  const oci::Descriptor image = AddImage(from, "1.0", {"a", "b"});
  to.Add("a", oci::kOciLayer);
  Copier copier;
  std::vector<CopyEvent::Kind> events;
  const auto result = copier.Copy(
      from, "1.0", to, "1.0",
      {.dry_run = true, .on_event = [&](const CopyEvent& event) { events.push_back(event.kind); }});
  ASSERT_OK(result);
  EXPECT_EQ(result->digest, image.digest);
  EXPECT_EQ(result->blobs_there, 1u);
  EXPECT_EQ(result->blobs_copied, 2u);
  EXPECT_THAT(result->tags_written, ElementsAre("1.0"));
  EXPECT_THAT(to.TakeLog(), AllOf(Not(Contains(HasSubstr("PUT"))), Not(Contains("finish"))));
  EXPECT_EQ(events.back(), CopyEvent::Kind::kTag);
}

TEST(Copier, AFailureLeavesTheOldTagAndTheNextRunGoesOn) {
  Place from, to;
  const oci::Descriptor old = AddImage(to, "1.0", {"old"});
  const oci::Descriptor image = AddImage(from, "1.0", {"a", "b", "c", "d", "e"});
  const std::string bad = oci::Digest::Of("e").ToString();
  from.set_hook([&](const std::string& line) {
    return line == "GET blob " + bad ? absl::UnavailableError("pulled the plug") : absl::OkStatus();
  });
  Copier copier;
  EXPECT_THAT(copier.Copy(from, "1.0", to, "1.0", {.parallel_blobs = 1}),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr(bad)));
  EXPECT_EQ(DigestAt(to, "1.0"), old.digest);
  EXPECT_EQ(to.Count("PUT manifest"), 0);
  EXPECT_EQ(to.Count("finish"), 0);
  from.set_hook(nullptr);
  const auto again = copier.Copy(from, "1.0", to, "1.0");
  ASSERT_OK(again);
  EXPECT_EQ(again->blobs_copied, 1u);
  EXPECT_EQ(again->blobs_there, 5u);
  EXPECT_EQ(DigestAt(to, "1.0"), image.digest);
}

TEST(Copier, StopsWhenAsked) {
  Place from, to;
  AddImage(from, "1.0", {"a", "b", "c"});
  std::stop_source stop;
  to.set_hook([&](const std::string& line) {
    if (absl::StartsWith(line, "PUT blob")) stop.request_stop();
    return absl::OkStatus();
  });
  Copier copier;
  EXPECT_THAT(copier.Copy(from, "1.0", to, "1.0", {.parallel_blobs = 1}, stop.get_token()),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(to.Count("PUT blob"), 1);
  EXPECT_EQ(to.Count("PUT manifest"), 0);
}

TEST(Copier, CopiesAtTheSameTimeSendABlobOnce) {
  Place from("far/shop/a"), to("reg:5000/shop/b");
  AddImage(from, "1", {"shared", "one"});
  AddImage(from, "2", {"shared", "two"});
  Copier copier;
  {
    std::vector<std::jthread> threads;
    for (const char* tag : {"1", "2"}) {
      threads.emplace_back([&, tag] { EXPECT_OK(copier.Copy(from, tag, to, tag)); });
    }
  }
  EXPECT_EQ(to.Count("PUT blob " + oci::Digest::Of("shared").ToString()), 1);
}

TEST(Copier, WrongSizesAreDamage) {
  Place from, to;
  oci::Descriptor image = AddImage(from, "", {"a"});
  image.size += 1;
  AddIndex(from, "1.0", {image});
  Copier copier;
  EXPECT_THAT(copier.Copy(from, "1.0", to, "1.0"),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("but what names it says")));
}

TEST(Copier, ByDigestOnly) {
  Place from, to;
  const oci::Descriptor image = AddImage(from, "1.0", {"a"});
  Copier copier;
  ASSERT_OK(copier.Copy(from, image.digest.ToString(), to, ""));
  EXPECT_EQ(to.Count("PUT manifest " + image.digest.ToString()), 1);
  const auto again = copier.Copy(from, image.digest.ToString(), to, "");
  ASSERT_OK(again);
  EXPECT_TRUE(again->unchanged);
}

TEST(Copier, WhatIsNotThereIsNotFound) {
  Place from, to;
  Copier copier;
  EXPECT_THAT(copier.Copy(from, "1.0", to, "1.0"), StatusIs(absl::StatusCode::kNotFound));
}

TEST(Copier, ProgressAddsUp) {
  Place from, to;
  const std::string big(1'000'000, 'b');
  AddImage(from, "1.0", {big});
  uint64_t found = 0, copied = 0, last = 0;
  Copier copier;
  const auto result = copier.Copy(
      from, "1.0", to, "1.0", {.on_event = [&](const CopyEvent& event) {
        if (event.kind == CopyEvent::Kind::kFound) {
          found += event.content.size;
        } else if (event.kind == CopyEvent::Kind::kCopied) {
          copied += event.content.size;
        } else if (event.kind == CopyEvent::Kind::kBytes && event.content.size == big.size()) {
          EXPECT_GT(event.bytes, last);
          last = event.bytes;
        }
      }});
  ASSERT_OK(result);
  EXPECT_EQ(last, big.size());
  EXPECT_EQ(found, copied);
  EXPECT_EQ(result->bytes_copied, copied);
}

}  // namespace
}  // namespace stevedore::transfer
