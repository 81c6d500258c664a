#include "coordinator/knowledge.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "coordinator/record_text.h"

namespace stevedore::coordinator {
namespace {

constexpr double kAlpha = 0.3;
// Records get a new lifetime at most this often: a reuse should cost no write.
constexpr absl::Duration kRefresh = absl::Hours(24);

}  // namespace

const Result* Knowledge::FindResult(const std::string& build_key) const {
  const auto it = results_.find(build_key);
  return it == results_.end() ? nullptr : &it->second;
}

void Knowledge::WriteResult(const std::string& build_key, Result& result, absl::Time now) {
  result.written = now;
  RecordText text;
  text.Add("digest", result.manifest.digest()).Add("type", result.manifest.media_type());
  text.AddInt("size", result.manifest.size()).AddInt("bytes", result.manifest.image_bytes());
  text.Add("platform", result.manifest.platform()).AddTime("seen", result.seen);
  writes_->SetString(absl::StrCat("result:", build_key), text.ToString(),
                     options_->result_lifetime);
}

void Knowledge::PutResult(const std::string& build_key, const v1::ManifestResult& manifest,
                          absl::Time now) {
  Result& result = results_[build_key];
  result.manifest = manifest;
  result.seen = now;
  WriteResult(build_key, result, now);
}

void Knowledge::TouchResult(const std::string& build_key, bool seen, absl::Time now) {
  const auto it = results_.find(build_key);
  if (it == results_.end()) return;
  if (seen) it->second.seen = now;
  if (now - it->second.written > kRefresh) WriteResult(build_key, it->second, now);
}

void Knowledge::DropResult(const std::string& build_key) {
  if (results_.erase(build_key) > 0) writes_->Delete(absl::StrCat("result:", build_key));
}

std::string Knowledge::NameOf(const Build& build, const Task& task) {
  const v1::Image& image = build.images[task.image];
  return absl::StrCat(image.reference().empty() ? image.id() : image.reference(), "@",
                      task.platform);
}

const Statistics* Knowledge::FindStatistics(const std::string& name) const {
  const auto it = statistics_.find(name);
  return it == statistics_.end() ? nullptr : &it->second;
}

double Knowledge::MedianSeconds() {
  // Amortised: a few durations must count at once in a young queue, and little in an old one.
  if (changes_since_median_ < 1 + static_cast<int64_t>(statistics_.size()) / 8) {
    return median_seconds_;
  }
  changes_since_median_ = 0;
  std::vector<double> seconds;
  for (const auto& [name, statistics] : statistics_) {
    if (statistics.seconds > 0) seconds.push_back(statistics.seconds);
  }
  if (seconds.empty()) return median_seconds_ = 0;
  std::nth_element(seconds.begin(), seconds.begin() + seconds.size() / 2, seconds.end());
  return median_seconds_ = seconds[seconds.size() / 2];
}

void Knowledge::Learn(const std::string& name, absl::Duration duration, int64_t image_bytes,
                      std::string inputs, absl::Time now) {
  Statistics& statistics = statistics_[name];
  const double seconds = absl::ToDoubleSeconds(duration);
  const bool same = statistics.inputs == inputs;
  if (seconds <= 0 && same && now - statistics.written < kRefresh) return;
  if (seconds > 0) {
    statistics.seconds =
        statistics.seconds <= 0 ? seconds : kAlpha * seconds + (1 - kAlpha) * statistics.seconds;
    ++statistics.count;
    ++changes_since_median_;
  }
  if (image_bytes > 0) statistics.image_bytes = image_bytes;
  statistics.inputs = std::move(inputs);
  statistics.written = now;
  const std::string key = absl::StrCat("stat:", name);
  RecordText text;
  text.AddDouble("seconds", statistics.seconds).AddInt("bytes", statistics.image_bytes);
  text.AddInt("n", statistics.count).AddTime("written", now);
  writes_->SetField(key, "stat", text.ToString());
  if (!same) writes_->SetField(key, "inputs", statistics.inputs);
  writes_->Expire(key, options_->stat_lifetime);
}

std::string Knowledge::PoisonOf(const std::string& build_key, absl::Time now) const {
  const auto it = poisoned_.find(build_key);
  return it == poisoned_.end() || it->second.until <= now ? "" : it->second.reason;
}

void Knowledge::Poison(const std::string& build_key, std::string reason, absl::Time now) {
  const absl::Time until = now + options_->poison_time;
  writes_->SetString(absl::StrCat("poison:", build_key),
                     RecordText().Add("reason", reason).AddTime("until", until).ToString(),
                     options_->poison_time);
  poisoned_[build_key] = {std::move(reason), until};
}

const TagOwner* Knowledge::FindTag(const std::string& reference) const {
  const auto it = tags_.find(reference);
  return it == tags_.end() ? nullptr : &it->second;
}

void Knowledge::PutTag(const std::string& reference, TagOwner owner, absl::Time now) {
  owner.written = now;
  WriteTag(reference, owner);
  tags_[reference] = std::move(owner);
}

void Knowledge::WriteTag(const std::string& reference, const TagOwner& owner) {
  RecordText text;
  text.Add("digest", owner.digest).AddInt("submission", owner.submission);
  text.Add("build", owner.build_id).AddTime("written", owner.written);
  writes_->SetString(absl::StrCat("tag:", reference), text.ToString(), options_->build_lifetime);
}

bool Knowledge::Load(const LedgerRecord& record, absl::Time now) {
  absl::string_view name = record.key;
  const bool is_result = absl::ConsumePrefix(&name, "result:");
  const bool is_statistics = !is_result && absl::ConsumePrefix(&name, "stat:");
  const bool is_poison = !is_result && !is_statistics && absl::ConsumePrefix(&name, "poison:");
  const bool is_tag =
      !is_result && !is_statistics && !is_poison && absl::ConsumePrefix(&name, "tag:");
  if (!is_result && !is_statistics && !is_poison && !is_tag) return false;
  if (is_statistics && record.field == "inputs") {
    statistics_[name].inputs = record.value;
    return true;
  }
  const absl::StatusOr<RecordText> text = RecordText::Parse(record.value);
  if (!text.ok()) return true;
  if (is_result) {
    Result& result = results_[name];
    result.manifest.set_digest(std::string(text->Get("digest")));
    result.manifest.set_media_type(std::string(text->Get("type")));
    result.manifest.set_size(text->GetInt("size"));
    result.manifest.set_image_bytes(text->GetInt("bytes"));
    result.manifest.set_platform(std::string(text->Get("platform")));
    result.seen = text->GetTime("seen");
    result.written = result.seen;
  } else if (is_statistics) {
    Statistics& statistics = statistics_[name];
    statistics.seconds = text->GetDouble("seconds");
    statistics.image_bytes = text->GetInt("bytes");
    statistics.count = text->GetInt("n");
    statistics.written = text->GetTime("written");
    ++changes_since_median_;
  } else if (is_poison) {
    const absl::Time until = text->GetTime("until");
    if (until > now) poisoned_[name] = {std::string(text->Get("reason")), until};
  } else {
    tags_[name] = {std::string(text->Get("digest")), text->GetInt("submission"),
                   std::string(text->Get("build")), text->GetTime("written")};
  }
  return true;
}

void Knowledge::Rewrite() {
  for (const auto& [reference, owner] : tags_) WriteTag(reference, owner);
}

void Knowledge::Expire(absl::Time now) {
  absl::erase_if(results_, [&](const auto& entry) {
    return now - entry.second.written > options_->result_lifetime;
  });
  absl::erase_if(statistics_, [&](const auto& entry) {
    return now - entry.second.written > options_->stat_lifetime;
  });
  absl::erase_if(poisoned_, [&](const auto& entry) { return entry.second.until <= now; });
  absl::erase_if(tags_, [&](const auto& entry) {
    return now - entry.second.written > options_->build_lifetime;
  });
}

int64_t Knowledge::LastSubmission() const {
  int64_t last = 0;
  for (const auto& [reference, owner] : tags_) last = std::max(last, owner.submission);
  return last;
}

}  // namespace stevedore::coordinator
