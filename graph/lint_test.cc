#include "graph/lint.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "graph/build_check.h"
#include "graph/catalog.h"
#include "graph/configuration.h"
#include "graph/finding_codes.h"
#include "graph/findings.h"

namespace stevedore::graph {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<std::string> Lines(const std::vector<Diagnostic>& findings) {
  std::vector<std::string> lines;
  for (const Diagnostic& finding : findings) {
    EXPECT_FALSE(finding.code.empty()) << finding.text;
    EXPECT_EQ(finding.severity, SeverityOf(finding.code));
    EXPECT_THAT(finding.text, HasSubstr("; ")) << "no fix";
    lines.push_back(absl::StrCat(finding.where.line, ":", finding.where.column, " ", finding.code,
                                 " ", finding.text));
  }
  return lines;
}

std::vector<std::string> Lint(const std::string& text,
                              const Configuration& configuration = Configuration()) {
  Catalog::Inspection inspection = Catalog::InspectFiles({{"f.yaml", text}}, {{"f.yaml", text}},
                                                         configuration, CatalogOptions());
  EXPECT_TRUE(inspection.errors.empty()) << inspection.errors[0].ToString();
  std::vector<Diagnostic> findings;
  LintDefinitions(inspection.catalog, &findings);
  for (Diagnostic warning : inspection.catalog.warnings()) {
    warning.severity = SeverityOf(warning.code);
    findings.push_back(warning);
  }
  return Lines(findings);
}

struct Case {
  std::string text, begins, has;
};

TEST(LintTest, FindsWhatIsNotAsInGostevedore) {
  const std::string docker = "driver: docker, options: {context: {path: /nowhere}}";
  const std::string git = "driver: docker, options: {context: {git: {repository: r, ";
  const std::vector<Case> cases = {
      {"builders:\n  b: {" + docker + ", variables_mapping: {image_from_tag_key: T}}\n",
       "2:", "SV201"},
      {"builders:\n  b: {" + docker + ", variables_mapping: {}}\n", "2:", "SV202"},
      {"builders:\n  b: {" + docker + ", variables_mapping: {image_labels_key: L}}\n",
       "2:", "SV103 gostevedore ignores this spelling"},
      {"builders:\n  b: {driver: dry-run}\n", "2:15 ", "SV108"},
      {"builders:\n  b: {driver: sleep}\n", "2:3 ", "SV105 no image names builder `b`"},
      {"builders:\n  b: {" + git + "path: app}}}}\n", "2:", "SV214"},
      {"builders:\n  b: {" + git + "reference: v1.2}}}}\n", "2:", "refs/heads/v1.2"},
      {"builders:\n  b: {" + git + "reference: \"\"}}}}\n", "2:", "takes branch master"},
      {"builders:\n  b: {" + git + "auth: {password: x}}}}}\n", "2:", "SV301 `password`"},
      {"builders:\n  b: {driver: docker, options: {context: {path: x, git: {repository: r}}}}\n",
       "2:", "SV107"},
      {"images:\n  a: {\"*\": {}}\n", "2:7 ", "SV203 without `version`"},
      {"images:\n  a: {\"*\": {version: latest}}\n", "2:22 ", "becomes `latest`"},
      {"images:\n  a: {\"*\": }\n  b: {\"*\": {parents: {a: [\"*\"]}}}\n", "3:7 ", "SV204"},
      {"images:\n  a: {1: {name: x}}\n  b: {\"*\": {parents: {a: 1}}}\n", "3:7 ", "SV205"},
      {"images:\n  a: {1: {children: {b: 1}}}\n  b: {1: {parents: {a: 1}}}\n", "2:25 ",
       "SV206 that b:1 builds on a:1 is said already at f.yaml:3:24"},
      {"images:\n  o: {1: , 2: }\n  m: {1: {version: \"{{ .Parent.Version }}\", "
       "parents: {o: [1, 2]}}}\n  l: {1: {version: \"{{ .Parent.Version }}\", parents: {m: 1}}}\n",
       "4:7 ", "SV207 parent m:1 is 2 images"},
      {"images:\n  a: {1: {tags: [2]}, 2: }\n", "2:", "SV208"},
      {"images:\n  a: {1: {vars: {n: 3}}}\n", "2:21 ", "SV209"},
      {"images:\n  a: {1: {labels: {\"{{ .Name }}\": x}}}\n", "2:20 ", "SV210"},
      {"images:\n  a: {1: {tags: [\"x+y\"]}}\n", "2:18 ", "SV218"},
      {"images:\n  a: {1: {registry: \"h:5000\", tags: [x]}}\n", "2:21 ", "SV219"},
      {"images:\n  a: {1: {persistent_vars: {k: v}}}\n  b: {1: {parents: {a: 1}, vars: {k: w}}}\n",
       "3:35 ", "SV106 var `k` has no effect: parent a:1"},
      {"images:\n  a: {1: {vars: {db_password: x}}}\n", "2:31 ", "SV304"},
      {"images_tree:\n  a: {1: }\n", "2:3 ", "SV102"},
  };
  for (const Case& c : cases) {
    const std::vector<std::string> lines = Lint(c.text);
    EXPECT_THAT(lines,
                Contains(::testing::AllOf(::testing::StartsWith(c.begins), HasSubstr(c.has))))
        << c.text;
  }
}

TEST(LintTest, AGoodTreeHasNoFindings) {
  EXPECT_THAT(Lint("builders:\n  b: {driver: docker, options: {context: {path: /nowhere}}}\n"
                   "images:\n  a: {1: {builder: b, registry: r.example.com, tags: [x],\n"
                   "    vars: {n: \"3\"}}}\n"
                   "  c: {\"*\": {version: \"{{ .Version }}-x\", parents: {a: [1]}}}\n"),
              ::testing::IsEmpty());
}

TEST(LintTest, LooksIntoContextsAndConfigurations) {
  auto directory = base::TemporaryDirectory::Create();
  ASSERT_TRUE(directory.ok());
  const std::string root = directory->path();
  ASSERT_OK(base::MakeDirectories(root + "/app/sub"));
  ASSERT_OK(base::WriteFileAtomically(root + "/app/.dockerignore", "x"));
  ASSERT_EQ(symlink("../Dockerfile", (root + "/app/sub/link").c_str()), 0);
  const auto lines = Lint("builders: {b: {driver: docker, options: {context: {path: " + root +
                          "/app}}}}\nimages: {a: {1: {builder: b}}}\n");
  EXPECT_THAT(lines, Contains(HasSubstr("SV211")));
  EXPECT_THAT(lines, Contains(HasSubstr("(sub/link -> ../Dockerfile)")));
  EXPECT_THAT(lines, Contains(HasSubstr("SV212")));

  ConfigurationSources sources;
  sources.working_directory = root + "/app";
  sources.home = root;
  ASSERT_OK(base::WriteFileAtomically(root + "/stevedore.json", "{}"));
  ASSERT_OK(base::WriteFileAtomically(
      root + "/app/stevedore.yaml",
      "semantic_version_tags_enabled: true\ncredentials: {encryption_key: k}\n"));
  ASSERT_EQ(chmod((root + "/app/stevedore.yaml").c_str(), 0644), 0);
  std::vector<Diagnostic> errors, findings;
  const Configuration configuration = Configuration::Inspect(sources, &errors);
  LintConfiguration(sources, configuration, &findings);
  const std::vector<std::string> found = Lines(findings);
  EXPECT_THAT(found, Contains(HasSubstr("SV215 gostevedore reads " + root + "/stevedore.json")));
  EXPECT_THAT(found, Contains(::testing::StartsWith("1:32 SV216")));
  EXPECT_THAT(found, Contains(::testing::StartsWith("2:31 SV302")));
  ASSERT_EQ(chmod((root + "/app/stevedore.yaml").c_str(), 0600), 0);
  findings.clear();
  LintConfiguration(sources, configuration, &findings);
  EXPECT_THAT(Lines(findings), Not(Contains(HasSubstr("SV302"))));
}

TEST(LintTest, CodesAreSortedAndUnique) {
  absl::string_view last;
  for (const FindingCode& code : FindingCodes()) {
    EXPECT_LT(last, code.code);
    last = code.code;
    EXPECT_FALSE(code.title.empty());
    EXPECT_EQ(SeverityOf(code.code), code.severity);
    EXPECT_EQ(code.code < "SV1", code.severity == Severity::kError) << code.code;
  }
}

// Twenty different mistakes, twenty messages.
TEST(InspectionTest, OneErrorDoesNotHideAnother) {
  const std::string text = R"(builders:
  good: {driver: docker, options: {context: {path: /nowhere/at/all}}}
  b1: {driver: dokcer}
  b2: {driver: docker, context: {path: a}}
  b3:
  b4: {driver: assemble, options: {compression: lzma}}
  b5: {driver: sleep, variables_mapping: {image_form_tag_key: T}}
  b6: {driver: docker}
images:
  a:
    1: {parnets: {}}
    2: {builder: goood}
    3: {parents: {nobody: [1]}, version: "{{ .Parent.Version }}"}
    4: {version: "{{ .Verison }}"}
    5: {platforms: [amd64]}
    6: {children: [x]}
    7: {tags: [""]}
    8: {version: ""}
    9: {labels: {x: [1]}}
    10: {registry: not a host, builder: good}
  b:
    1: {parents: {c: [1]}}
    "*": {parents: {a: [1, 2]}}
    3: {parents: {a: [4]}, vars: {"{{ .Name }}": 1, b: 2}}
    4: {version: same}
    5: {version: same}
  c:
    1: {parents: {b: [1]}}
    2: {builder: {driver: assemble, options: {layers: [{image: {zz: 1}}]}}}
  "d:e": {1: }
images_tree:
  a: {1: }
)";
  Catalog::Inspection inspection =
      Catalog::InspectFiles({{"f.yaml", text}, {"g.yaml", "x: [1\n"}}, {{"f.yaml", text}},
                            Configuration(), CatalogOptions());
  Findings checks(/*lenient=*/false);
  CheckReferences(inspection.catalog, &checks);
  CheckContexts(inspection.catalog, &checks);
  std::vector<Diagnostic> errors = inspection.errors;
  const std::vector<Diagnostic> more = checks.SortedErrors();
  errors.insert(errors.end(), more.begin(), more.end());
  SortByPlace(&errors);
  std::vector<int> lines;
  std::set<std::string> codes;
  std::string all;
  for (const Diagnostic& error : errors) {
    if (error.where.file == "f.yaml") lines.push_back(error.where.line);
    codes.insert(error.code);
    absl::StrAppend(&all, error.ToString(), " ", error.code, "\n");
    EXPECT_EQ(error.severity, Severity::kError);
  }
  EXPECT_TRUE(std::is_sorted(lines.begin(), lines.end()));
  // Each line with a mistake has a message, and no other has.
  const std::set<int> with_message(lines.begin(), lines.end());
  const std::set<int> expected = {2,  3,  4,  5,  6,  7,  8,  11, 12, 13, 14, 15,
                                  16, 17, 18, 19, 20, 22, 23, 24, 26, 29, 30, 32};
  EXPECT_EQ(with_message, expected) << all;
  EXPECT_EQ(lines.size(), expected.size()) << all;
  EXPECT_GE(codes.size(), 15u) << all;
  EXPECT_EQ(errors.back().where.file, "g.yaml");
}

TEST(BuildCheckTest, ReferencesThatClashAreAllReported) {
  std::string text = "images:\n";
  for (int i = 0; i < 4; ++i) {
    absl::StrAppend(&text, "  i", i, ": {1: {name: n", i / 2,
                    ", builder: {driver: docker, options: {context: {path: /}}}}}\n");
  }
  Catalog::Inspection inspection =
      Catalog::InspectFiles({{"f.yaml", text}}, {}, Configuration(), CatalogOptions());
  Findings findings(/*lenient=*/false);
  CheckReferences(inspection.catalog, &findings);
  const std::vector<Diagnostic> errors = findings.SortedErrors();
  ASSERT_EQ(errors.size(), 2u);
  EXPECT_EQ(errors[0].where.line, 3);
  EXPECT_EQ(errors[1].where.line, 5);
  EXPECT_EQ(errors[0].code, "SV014");
  EXPECT_THAT(errors[0].text, HasSubstr("i0:1 (f.yaml:2:8) and i1:1 would both be tagged n0:1"));
}

TEST(BuildCheckTest, ContextsAndDockerfilesMustBeThere) {
  auto directory = base::TemporaryDirectory::Create();
  ASSERT_TRUE(directory.ok());
  const std::string root = directory->path();
  auto check = [&](const std::string& options) {
    const std::string text =
        absl::StrCat("builders:\n  b: {driver: docker, options: {", options, "}}\n");
    Catalog::Inspection inspection =
        Catalog::InspectFiles({}, {{"f.yaml", text}}, Configuration(), CatalogOptions());
    Findings findings(/*lenient=*/false);
    CheckContexts(inspection.catalog, &findings);
    const std::vector<Diagnostic> errors = findings.SortedErrors();
    return errors.empty() ? std::string() : errors[0].code + " " + errors[0].text;
  };
  EXPECT_THAT(check("context: {path: /nowhere/at/all}"),
              HasSubstr("SV016 context `/nowhere/at/all` is not there; create it"));
  EXPECT_THAT(check("context: {path: \"{{ .Name }}\"}"), HasSubstr("not in global ones"));
  EXPECT_THAT(check("context: {path: " + root + "}"), HasSubstr("there is no `Dockerfile` in"));
  ASSERT_OK(base::WriteFileAtomically(root + "/Dockerfile", "FROM scratch\n"));
  EXPECT_EQ(check("context: {path: " + root + "}"), "");
  EXPECT_THAT(check("dockerfile: D2, context: {path: " + root + "}"), HasSubstr("no `D2` in"));
  EXPECT_EQ(check("dockerfile: D2, context: [{path: " + root + "}, {git: {repository: r}}]"), "");
}

}  // namespace
}  // namespace stevedore::graph
