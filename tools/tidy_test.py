"""Each rule of tidy.py on a small source that breaks it and on one that keeps it."""

import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import tidy  # noqa: E402  (the path comes first)

GUARD = "#ifndef STEVEDORE_OCI_A_H_\n#define STEVEDORE_OCI_A_H_\n%s#endif\n"


def texts(path, source, level="error"):
    return ["%d %s" % (f.line, f.text) for f in tidy.check_file(path, source) if f.level == level]


class TidyTest(unittest.TestCase):

    def expect_one(self, path, source, line, part, level="error"):
        found = texts(path, source, level)
        self.assertEqual(len(found), 1, found)
        self.assertTrue(found[0].startswith("%d " % line), found)
        self.assertIn(part, found[0])

    def test_accepts_a_clean_file(self):
        self.assertEqual(texts("oci/a.cc", '#include <zstd.h>\nint F() { return 1; }\n'), [])

    def test_refuses_long_lines_unless_one_word_is_long(self):
        self.expect_one("oci/a.cc", "// " + "word " * 21 + "\n".rstrip() + "x\n", 1, "columns")
        self.assertEqual(texts("oci/a.cc", '  F("' + "a" * 120 + '");\n'), [])

    def test_refuses_foreign_vocabulary_in_code_but_not_in_comments(self):
        self.expect_one("oci/a.cc", "\nvoid F(std::string_view s);\n", 2, "absl::string_view")
        self.expect_one("oci/a.cc", "absl::Mutex mu_;\n", 1, "base::Mutex")
        self.assertEqual(texts("oci/a.cc", "// not absl::Mutex, nor std::string_view\n"), [])
        self.assertEqual(texts("oci/a.cc", 'F("std::string_view");\n'), [])

    def test_keeps_system_headers_in_their_room(self):
        self.expect_one("graph/a.cc", "#include <zstd.h>\n", 1, "belongs to oci/")
        self.expect_one("oci/a.cc", '#include "nlohmann/json.hpp"\n#include <git2.h>\n', 2,
                        "belongs to context/")
        self.expect_one("graph/a.cc", "#include <grpcpp/grpcpp.h>\n", 1, "belongs to")
        self.assertEqual(texts("tests/build/a_test.cc", "#include <curl/curl.h>\n"), [])

    def test_wants_a_comment_above_public_types(self):
        self.expect_one("oci/a.h", GUARD % "namespace a {\nclass B final : public C {\n};\n}\n", 4,
                        "class B")
        self.expect_one("oci/a.h", GUARD % "enum class E { kA };\n", 3, "enum class E")
        self.assertEqual(texts("oci/a.h", GUARD % (
            "namespace a {\n// A b.\ntemplate <typename T>\nclass B {\n struct C { int a; };\n};\n"
            "class Forward;\n}\n")), [])

    def test_wants_header_guards(self):
        self.expect_one("oci/a.h", "int F();\n", 1, "STEVEDORE_OCI_A_H_")

    def test_only_programs_print(self):
        self.expect_one("oci/a.cc", 'void F() { std::cout << 1; }\n', 1, "only programs print")
        self.expect_one("oci/a.cc", 'void F() { printf("a"); }\n', 1, "only programs print")
        for path in ("cli/a.cc", "tests/a.cc", "worker/worker_main.cc"):
            self.assertEqual(texts(path, 'void F() { std::cout << 1; }\n'), [])
        self.assertEqual(texts("oci/a.cc", 'void F() { snprintf(b, 1, "a"); }\n'), [])

    def test_refuses_folders_without_a_meaning(self):
        self.expect_one("oci/utils/a.txt", "", 1, "utils")

    def test_refuses_unfinished_work(self):
        self.expect_one("oci/a.cc", "// TO" "DO: more\n", 1, "finish it now")

    def test_warns_of_long_functions_and_files(self):
        long = "namespace n {\nint F(int a) {\n" + "  a++;\n" * 60 + "}\n}\n"
        self.expect_one("oci/a.cc", long, 2, "function of 62 lines", "warning")
        flat = "namespace n {\n" + "int a;\n" * 90 + "}\n"
        self.assertEqual(texts("oci/a.cc", flat, "warning"), [])
        self.expect_one("oci/a.cc", "int a;\n" * 501, 1, "501 lines", "warning")
        self.assertEqual(texts("oci/a_test.cc", "int a;\n" * 501, "warning"), [])

    def test_braces_in_literals_and_macros_do_not_count(self):
        source = ('namespace n {\nconst char* a = R"({{{)";\nchar b = \'{\';\n#define X {\n'
                  'int F(int x) {\n  if (x) { return 1\'000; }\n  return 2;\n}\n}\n')
        kinds = [(kind, first, last) for kind, first, last, _ in
                 tidy.blocks(tidy.blank_directives(tidy.blank_literals(source)))]
        self.assertIn(("function", 5, 8), kinds)
        self.assertIn(("namespace", 1, 9), kinds)

    def test_exit_code_says_whether_there_were_errors(self):
        with tempfile.TemporaryDirectory() as root:
            os.mkdir(os.path.join(root, "oci"))
            with open(os.path.join(root, "oci", "a.cc"), "w", encoding="utf-8") as file:
                file.write("int a;\n")
            self.assertEqual(tidy.main(["--root", root]), 0)
            with open(os.path.join(root, "oci", "a.cc"), "a", encoding="utf-8") as file:
                file.write("absl::Mutex m;\n")
            self.assertEqual(tidy.main(["--root", root]), 1)


if __name__ == "__main__":
    unittest.main()
