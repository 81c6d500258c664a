// The main of a fuzz target that is built without libFuzzer: runs every file given on the command
// line through the target once, so that the kept corpus is a regression test.

#include <cstddef>
#include <cstdint>
#include <cstdio>

#include "base/file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

int main(int argc, char** argv) {
  // The empty input is worth a run in every target, and makes a target without a corpus a test too.
  LLVMFuzzerTestOneInput(nullptr, 0);
  for (int i = 1; i < argc; ++i) {
    const absl::StatusOr<std::string> input = stevedore::base::ReadFile(argv[i]);
    if (!input.ok()) {
      std::fprintf(stderr, "%s\n", input.status().ToString().c_str());
      return 1;
    }
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input->data()), input->size());
  }
  std::printf("%d corpus files replayed\n", argc - 1);
  return 0;
}
