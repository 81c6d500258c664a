// RAII around objects of C libraries.

#ifndef STEVEDORE_BASE_C_HANDLE_H_
#define STEVEDORE_BASE_C_HANDLE_H_

#include <memory>

namespace stevedore::base {

// Deleter that calls one function of a C library.
template <auto Free>
struct CFree {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};

// Owns a C library object: CHandle<git_repository, git_repository_free>.
template <typename T, auto Free>
using CHandle = std::unique_ptr<T, CFree<Free>>;

// Passes a CHandle where C wants `T** out`. (std::out_ptr is C++23.)
template <typename Handle>
class Out {
 public:
  explicit Out(Handle& handle) : handle_(handle) {}
  ~Out() { handle_.reset(raw_); }
  Out(const Out&) = delete;
  Out& operator=(const Out&) = delete;
  operator typename Handle::pointer *() { return &raw_; }

 private:
  Handle& handle_;
  typename Handle::pointer raw_ = nullptr;
};

}  // namespace stevedore::base

#endif  // STEVEDORE_BASE_C_HANDLE_H_
