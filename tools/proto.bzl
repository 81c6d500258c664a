"""C++ messages and gRPC services from .proto files, with the system's protoc and plugin."""

def cc_grpc_library(name, srcs, deps = [], visibility = None):
    """Generates and compiles messages and services.

    Makes two libraries: `NAME` (messages: `*.pb.h`) and `NAME_grpc` (services: `*.grpc.pb.h`), so
    that code which only handles messages does not pay for parsing gRPC's headers.

    Args:
      name: name of the message library.
      srcs: .proto files of this package that may import each other and google/protobuf/*.
      deps: further message libraries.
      visibility: of both libraries.
    """
    stems = [src[:-len(".proto")] for src in srcs]
    messages = [stem + ext for stem in stems for ext in [".pb.cc", ".pb.h"]]
    services = [stem + ext for stem in stems for ext in [".grpc.pb.cc", ".grpc.pb.h"]]
    native.genrule(
        name = name + "_generated",
        srcs = srcs,
        outs = messages + services,
        cmd = " ".join([
            "/usr/bin/protoc -I%s -I/usr/include" % (native.package_name() or "."),
            "--cpp_out=$(RULEDIR) --grpc_out=$(RULEDIR)",
            "--plugin=protoc-gen-grpc=/usr/bin/grpc_cpp_plugin",
            "$(SRCS)",
        ]),
    )
    native.cc_library(
        name = name,
        srcs = [m for m in messages if m.endswith(".cc")],
        hdrs = [m for m in messages if m.endswith(".h")],
        includes = ["."],
        copts = ["-Wno-unused-parameter"],
        visibility = visibility,
        deps = deps + ["//third_party:protobuf"],
    )
    native.cc_library(
        name = name + "_grpc",
        srcs = [s for s in services if s.endswith(".cc")],
        hdrs = [s for s in services if s.endswith(".h")],
        includes = ["."],
        copts = ["-Wno-unused-parameter"],
        visibility = visibility,
        deps = [":" + name, "//third_party:grpc"],
    )
