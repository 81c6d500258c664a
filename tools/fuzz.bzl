"""Fuzz targets: libFuzzer binaries under --config=fuzz, corpus replays everywhere else."""

def cc_fuzz_test(name, srcs, deps, corpus = None, **kwargs):
    """A target with `extern "C" int LLVMFuzzerTestOneInput(const uint8_t*, size_t)`.

    As a normal test it runs every file of `corpus` once, so a crash that was found stays fixed.
    Under --config=fuzz the binary is a libFuzzer driver:
    `bazel run --config=fuzz TARGET -- CORPUS -max_total_time=60`.

    Args:
      name: ends in _fuzz.
      srcs: one .cc file.
      deps: what it tests.
      corpus: list of files; default: everything in the folder corpus/NAME.
      **kwargs: as cc_test.
    """
    if corpus == None:
        corpus = native.glob(["corpus/" + name + "/**"])
    native.cc_test(
        name = name,
        size = "small",
        srcs = srcs,
        args = select({
            "//:libfuzzer": ["-runs=2000"],
            "//conditions:default": [],
        }) + ["$(location " + c + ")" for c in corpus],
        data = corpus,
        linkopts = select({
            "//:libfuzzer": ["-fsanitize=fuzzer"],
            "//conditions:default": [],
        }),
        tags = ["fuzz"],
        deps = deps + select({
            "//:libfuzzer": [],
            "//conditions:default": ["//base/testing:fuzz_replay_main"],
        }),
        **kwargs
    )
