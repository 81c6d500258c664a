#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/command.h"
#include "cli/credential_commands.h"
#include "cli/definitions.h"
#include "cli/text.h"
#include "graph/catalog.h"
#include "graph/image_instance.h"

namespace stevedore::cli {
namespace {

using graph::Catalog;
using graph::ImageInstance;

// Values of the command's flags.
struct GetImagesFlags {
  bool tree = false;
  std::vector<std::string> filters;
  std::string output = "table";
};

// One image as the filters see it.
absl::StatusOr<std::string> Attribute(const ImageInstance& image, const std::string& name) {
  if (name == "name") return image.name;
  if (name == "version") return image.version;
  if (name == "registry") return image.registry;
  if (name == "namespace") return image.name_space;
  if (name == "builder") return image.builder == nullptr ? "" : image.builder->name;
  return absl::InvalidArgumentError(
      absl::StrCat("--filter ", base::Quoted(name),
                   ": there are the attributes name, version, registry, namespace and builder"));
}

absl::StatusOr<bool> Matches(const ImageInstance& image,
                             const std::map<std::string, std::string>& filters) {
  for (const auto& [name, wanted] : filters) {
    ASSIGN_OR_RETURN(const std::string value, Attribute(image, name));
    if (value != wanted) return false;
  }
  return true;
}

std::string BuilderName(const ImageInstance& image) {
  if (!image.has_builder()) return "-";
  return image.builder->in_place ? "<in-line>" : image.builder->name;
}

std::string ParentReferences(const Catalog& catalog, const ImageInstance& image) {
  std::string text;
  for (const Catalog::Index parent : image.parents) {
    absl::StrAppend(&text, text.empty() ? "" : ",", catalog.instances()[parent].Reference());
  }
  return text.empty() ? "-" : text;
}

std::string ImageJson(const Catalog& catalog, const ImageInstance& image) {
  nlohmann::ordered_json json = {{"id", image.id},
                                 {"name", image.name},
                                 {"version", image.version},
                                 {"builder", BuilderName(image)},
                                 {"reference", image.Reference()},
                                 {"platforms", image.platforms}};
  json["parents"] = nlohmann::json::array();
  for (const Catalog::Index parent : image.parents) {
    json["parents"].push_back(catalog.instances()[parent].id);
  }
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// Lines of a tree. An image with several parents stands below each, its descendants only once:
// the second time `...` stands for them, or a graph of diamonds would print for ever.
class TreePrinter {
 public:
  explicit TreePrinter(const Catalog& catalog) : catalog_(catalog) {}

  std::string Print() {
    for (const Catalog::Index root : catalog_.roots()) Add(root, 0);
    return std::move(text_);
  }

 private:
  void Add(Catalog::Index index, int depth) {
    const ImageInstance& image = catalog_.instances()[index];
    for (int i = 0; i < depth; ++i) absl::StrAppend(&text_, "│  ");
    const bool repeated = !printed_.insert(index).second && !image.children.empty();
    absl::StrAppend(&text_, "├─── ", image.Reference(), repeated ? " ..." : "", "\n");
    if (repeated) return;
    for (const Catalog::Index child : image.children) Add(child, depth + 1);
  }

  const Catalog& catalog_;
  std::set<Catalog::Index> printed_;
  std::string text_;
};

absl::StatusOr<ExitCode> GetImages(CommandContext& context, const GetImagesFlags& flags) {
  ASSIGN_OR_RETURN(const auto filters, SplitPairs("--filter", flags.filters));
  ASSIGN_OR_RETURN(const Catalog catalog, LoadDefinitions(context));
  if (flags.tree) {
    context.console->Out(TreePrinter(catalog).Print());
    return ExitCode::kOk;
  }
  std::vector<std::vector<std::string>> rows;
  std::set<std::string> names;
  std::string text;
  for (const ImageInstance& image : catalog.instances()) {
    ASSIGN_OR_RETURN(const bool wanted, Matches(image, filters));
    if (!wanted) continue;
    if (flags.output == "json") absl::StrAppend(&text, ImageJson(catalog, image), "\n");
    names.insert(image.definition_name);
    rows.push_back({image.name, image.version, BuilderName(image), image.Reference(),
                    ParentReferences(catalog, image)});
  }
  if (filters.empty()) {
    for (const std::string& name : catalog.wildcards()) {
      names.insert(name);
      rows.push_back({name, "*", "", "", ""});
    }
  }
  if (flags.output == "names") {
    for (const std::string& name : names) absl::StrAppend(&text, name, "\n");
  } else if (flags.output == "table") {
    text = FormatTable({"NAME", "VERSION", "BUILDER", "IMAGE FULL NAME", "PARENT"}, rows);
  }
  context.console->Out(text);
  return ExitCode::kOk;
}

}  // namespace

void AddGetCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("get", "Show what is defined")->alias("list");
  CLI::App* images = command->add_subcommand("images", "List the images that are defined")
                         ->alias("image")
                         ->alias("i")
                         ->alias("img");
  command->fallthrough();
  AddGetCredentials(*command, context);
  const auto flags = std::make_shared<GetImagesFlags>();
  images->add_flag("-t,--tree", flags->tree, "Show what builds on what");
  images->add_option("-f,--filter", flags->filters, "Only images with this attribute")
      ->type_name("ATTRIBUTE=VALUE")
      ->allow_extra_args(false);
  images->add_option("--output", flags->output, "Format")
      ->check(CLI::IsMember({"table", "json", "names"}))
      ->type_name("table|json|names");
  images->callback([&context, flags] {
    context.action = [&context, flags] { return GetImages(context, *flags); };
  });
}

}  // namespace stevedore::cli
