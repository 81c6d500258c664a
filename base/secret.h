// Text that must not be printed.

#ifndef STEVEDORE_BASE_SECRET_H_
#define STEVEDORE_BASE_SECRET_H_

#include <string.h>

#include <string>
#include <utility>

namespace stevedore::base {

// A password, token or key. It has no stream operator and no conversion, so it cannot slip into a
// message, a log or StrCat; `Reveal` marks the places where it leaves. Its memory is wiped when it
// goes. Not thread-safe.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  Secret(const Secret&) = default;
  Secret(Secret&&) = default;
  Secret& operator=(const Secret& other) {
    if (this != &other) {
      Wipe();
      text_ = other.text_;
    }
    return *this;
  }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      Wipe();
      text_ = std::move(other.text_);
    }
    return *this;
  }
  ~Secret() { Wipe(); }

  // The text itself, for handing to a peer or a cipher. Never log the result.
  const std::string& Reveal() const { return text_; }
  bool empty() const { return text_.empty(); }
  friend bool operator==(const Secret& a, const Secret& b) { return a.text_ == b.text_; }

 private:
  void Wipe() { explicit_bzero(text_.data(), text_.size()); }

  std::string text_;
};

}  // namespace stevedore::base

#endif  // STEVEDORE_BASE_SECRET_H_
