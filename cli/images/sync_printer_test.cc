#include "cli/images/sync_printer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace stevedore::cli {
namespace {

using ::testing::HasSubstr;
using transfer::SyncAction;
using transfer::SyncJobResult;
using transfer::SyncReport;
using transfer::SyncTagResult;

SyncReport Report() {
  const oci::Digest digest = oci::Digest::Of("a");
  SyncJobResult web;
  web.name = "web";
  web.source = "docker://r.example.com/web";
  web.destination = "docker://m.example.com/web";
  web.tags = {{.source = "1.0",
               .tag = "1.0-copy",
               .action = SyncAction::kCopied,
               .digest = digest,
               .bytes_copied = 2048},
              {.source = "2.0", .tag = "2.0", .action = SyncAction::kUnchanged, .digest = digest},
              {.source = digest.ToString(),
               .action = SyncAction::kFailed,
               .status = absl::NotFoundError("it is not there")},
              {.tag = "old", .action = SyncAction::kKept}};
  SyncJobResult down;
  down.name = "down";
  down.status = absl::UnavailableError("connection refused");
  return SyncReport{{web, down}};
}

TEST(SyncPrinterTest, LinesOfTags) {
  const SyncReport report = Report();
  const SyncJobResult& job = report.jobs[0];
  const std::string digest = oci::Digest::Of("a").ToString().substr(0, 19);
  EXPECT_EQ(DescribeTag(job, job.tags[0], false),
            "web 1.0-copy: copied, " + digest + ", 2.00 KiB\n");
  EXPECT_EQ(DescribeTag(job, job.tags[0], true),
            "web 1.0-copy: would be copied, " + digest + ", 2.00 KiB\n");
  EXPECT_EQ(DescribeTag(job, job.tags[1], false), "");
  EXPECT_EQ(DescribeTag(job, job.tags[2], false), "web " + digest + ": failed: it is not there\n");
  EXPECT_EQ(DescribeTag(job, job.tags[3], false), "");
  SyncTagResult kept = job.tags[3];
  kept.status = absl::FailedPreconditionError("another tag needs it");
  EXPECT_EQ(DescribeTag(job, kept, false), "web old: another tag needs it\n");
  EXPECT_EQ(DescribeTag(job, {.tag = "old", .action = SyncAction::kDeleted}, true),
            "web old: would be deleted\n");
}

TEST(SyncPrinterTest, TableAndJson) {
  const SyncReport report = Report();
  EXPECT_THAT(SyncTable(report, false), HasSubstr("COPIED  UNCHANGED  DELETED  KEPT  FAILED"));
  EXPECT_THAT(SyncTable(report, true), HasSubstr("TO COPY"));
  EXPECT_THAT(SyncTable(report, false), HasSubstr("docker://m.example.com/web\n"));
  const nlohmann::ordered_json json = SyncJson(report, false);
  EXPECT_EQ(json["copied"], 1);
  EXPECT_EQ(json["failed"], 1);
  EXPECT_EQ(json["jobs"][0]["tags"][0]["source"], "1.0");
  EXPECT_EQ(json["jobs"][0]["tags"][0]["bytes"], 2048);
  EXPECT_FALSE(json["jobs"][0]["tags"][1].contains("source"));
  EXPECT_EQ(json["jobs"][0]["tags"][2]["error"], "it is not there");
  EXPECT_EQ(json["jobs"][1]["error"], "connection refused");
}

}  // namespace
}  // namespace stevedore::cli
