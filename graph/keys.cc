#include "graph/keys.h"

namespace stevedore::graph {
namespace {

using T = KeyType;

constexpr Key kGitAuth[] = {
    {.name = "credentials_id",
     .description = "id in the credential store; wins over everything below"},
    {.name = "username", .description = "of HTTP basic authentication, with `password`"},
    {.name = "password", .description = "better kept in the credential store", .secret = true},
    {.name = "private_key_file", .description = "SSH key"},
    {.name = "private_key_password",
     .description = "of the SSH key; better kept in the credential store",
     .secret = true},
    {.name = "git_ssh_user", .description = "SSH user", .default_value = "git"},
};
constexpr KeyTable kGitAuthTable{"git auth", kGitAuth, ""};

constexpr Key kGit[] = {
    {.name = "repository", .description = "URL to clone", .required = true},
    {.name = "reference",
     .description = "branch, tag, full ref or commit; default: the server's default branch"},
    {.name = "path", .description = "folder of the repository that becomes the context"},
    {.name = "auth",
     .type = T::kMap,
     .description = "how to log in; default: anonymous, or the SSH agent",
     .members = &kGitAuthTable},
};
constexpr KeyTable kGitTable{"a git context", kGit, ""};

constexpr Key kContext[] = {
    {.name = "path", .description = "folder on this machine; wins over `git`"},
    {.name = "git",
     .type = T::kMap,
     .description = "folder of a git repository",
     .members = &kGitTable},
};
constexpr KeyTable kContextTable{"a context", kContext, "path|git"};

constexpr Key kMapping[] = {
    {.name = "image_from_fully_qualified_name_key",
     .description = "argument with the parent's reference",
     .default_value = "image_from_fully_qualified_name"},
    {.name = "image_from_name_key",
     .description = "argument with the parent's name",
     .default_value = "image_from_name"},
    {.name = "image_from_tag_key",
     .description = "argument with the parent's version",
     .default_value = "image_from_tag"},
    {.name = "image_from_registry_host_key",
     .description = "argument with the parent's registry",
     .default_value = "image_from_registry_host"},
    {.name = "image_from_registry_namespace_key",
     .description = "argument with the parent's namespace",
     .default_value = "image_from_registry_namespace"},
    {.name = "image_fully_qualified_name_key",
     .description = "argument with the image's own reference (ansible-playbook)",
     .default_value = "image_fully_qualified_name"},
    {.name = "image_name_key",
     .description = "argument with the image's own name (ansible-playbook)",
     .default_value = "image_name"},
    {.name = "image_tag_key",
     .description = "argument with the image's own version (ansible-playbook)",
     .default_value = "image_tag"},
    {.name = "image_registry_host_key",
     .description = "argument with the image's own registry (ansible-playbook)",
     .default_value = "image_registry_host"},
    {.name = "image_registry_namespace_key",
     .description = "argument with the image's own namespace (ansible-playbook)",
     .default_value = "image_registry_namespace"},
    {.name = "image_extra_tags_key",
     .description = "argument with the list of extra tags (ansible-playbook)",
     .default_value = "image_extra_tags"},
    {.name = "image_builder_label_key",
     .description = "argument with the intermediate container's name (ansible-playbook)",
     .default_value = "image_builder_label"},
    {.name = "push_image_key",
     .description = "argument that is false when nothing is to be pushed (ansible-playbook)",
     .default_value = "push_image"},
    {.name = "image_lables_key",
     .description = "argument with the labels (ansible-playbook); the spelling is gostevedore's",
     .default_value = "image_labels"},
    {.name = "pull_parent_image_key",
     .description = "accepted, passed to no driver",
     .default_value = "pull_parent_image"},
    {.name = "image_builder_name_key",
     .description = "accepted, passed to no driver",
     .default_value = "image_builder_name"},
    {.name = "image_builder_tag_key",
     .description = "accepted, passed to no driver",
     .default_value = "image_builder_tag"},
    {.name = "image_builder_registry_host_key",
     .description = "accepted, passed to no driver",
     .default_value = "image_builder_registry_host"},
    {.name = "image_builder_registry_namespace_key",
     .description = "accepted, passed to no driver",
     .default_value = "image_builder_registry_namespace"},
    // What documentation called some of them.
    {.name = "image_from_fully_qualified_name",
     .description = "as image_from_fully_qualified_name_key",
     .alias_of = "image_from_fully_qualified_name_key"},
    {.name = "image_fully_qualified_name",
     .description = "as image_fully_qualified_name_key",
     .alias_of = "image_fully_qualified_name_key"},
    {.name = "image_labels_key",
     .description = "as image_lables_key",
     .alias_of = "image_lables_key"},
};
constexpr KeyTable kMappingTable{"variables_mapping", kMapping, ""};

constexpr Key kBuilder[] = {
    {.name = "name", .description = "what images call it; default: its key"},
    {.name = "driver", .description = "what builds the image", .required = true},
    {.name = "options",
     .type = T::kDriverOptions,
     .description = "what the driver is told; `context` among it"},
    {.name = "variables_mapping",
     .type = T::kMap,
     .description = "other names for the arguments that every build gets, over the defaults",
     .members = &kMappingTable},
};
constexpr KeyTable kBuilderTable{"a builder", kBuilder, ""};

constexpr Key kImage[] = {
    {.name = "name", .description = "name in the reference; default: the key"},
    {.name = "version",
     .description = "main tag, often a template; default: the key (of `*`: what is asked for)"},
    {.name = "registry", .description = "registry host, with its port"},
    {.name = "namespace", .description = "part of the reference before the name"},
    {.name = "tags", .type = T::kTexts, .description = "extra tags"},
    {.name = "labels", .type = T::kTextMap, .description = "labels of this image"},
    {.name = "persistent_labels",
     .type = T::kTextMap,
     .description = "labels of this image and all that build on it; the parent's win"},
    {.name = "vars", .type = T::kTextMap, .description = "build arguments of this image"},
    {.name = "persistent_vars",
     .type = T::kTextMap,
     .description = "build arguments of this image and all that build on it; the parent's win"},
    {.name = "builder",
     .type = T::kTextOrMap,
     .description = "name of a builder, or a builder in place; none: the image is made elsewhere",
     .members = &kBuilderTable},
    {.name = "parents",
     .type = T::kLinks,
     .description = "images that it builds on; one image for each"},
    {.name = "children",
     .type = T::kLinks,
     .description = "images that build on it: the same as `parents` from the other side"},
    {.name = "platforms",
     .type = T::kTexts,
     .description = "os/arch of each build; default: this machine's"},
};
constexpr KeyTable kImageTable{"an image", kImage, ""};

constexpr Key kDefinitionFile[] = {
    {.name = "images",
     .type = T::kImages,
     .description = "names to versions to images",
     .members = &kImageTable},
    {.name = "builders",
     .type = T::kNamedMaps,
     .description = "names to builders",
     .members = &kBuilderTable},
    {.name = "images_tree",
     .type = T::kImages,
     .description = "as `images`",
     .members = &kImageTable,
     .replaced_by = "`images`"},
};
constexpr KeyTable kDefinitionFileTable{"a definitions file", kDefinitionFile, ""};

constexpr Key kCredentials[] = {
    {.name = "storage_type",
     .description = "`local`: files; `envvars`: environment variables",
     .default_value = "local",
     .values = "local|envvars"},
    {.name = "local_storage_path",
     .description = "folder of `local`",
     .default_value = "credentials"},
    {.name = "format",
     .description = "of records that are written",
     .default_value = "json",
     .values = "json|yaml"},
    {.name = "encryption_key",
     .description = "passphrase of the store; better in STEVEDORE_CREDENTIALS_ENCRYPTION_KEY",
     .secret = true},
};
constexpr KeyTable kCredentialsTable{"credentials", kCredentials, ""};

constexpr Key kRegistry[] = {
    {.name = "mirrors",
     .type = T::kTexts,
     .description =
         "registries (`host[:port][/path]`) that are asked for manifests and blobs first"},
    {.name = "ca_file", .description = "PEM file with its certificate authority"},
    {.name = "client_certificate_file", .description = "PEM file with our certificate for it"},
    {.name = "client_key_file", .description = "PEM file with the key of that certificate"},
    {.name = "insecure",
     .type = T::kBool,
     .description = "speak plain HTTP to it, or TLS with any certificate",
     .default_value = "false"},
    {.name = "blocked",
     .type = T::kBool,
     .description = "never speak to it",
     .default_value = "false"},
    {.name = "token_hosts",
     .type = T::kTexts,
     .description = "other hosts that it may name as its token service"},
};
constexpr KeyTable kRegistryTable{"a registry", kRegistry, ""};

constexpr Key kConfiguration[] = {
    {.name = "images_path",
     .description = "file or folder with `images`",
     .default_value = "stevedore.yaml"},
    {.name = "builders_path",
     .description = "file or folder with `builders`",
     .default_value = "stevedore.yaml"},
    {.name = "concurrency",
     .type = T::kCount,
     .description = "images built at once; default: the number of CPUs"},
    {.name = "push_images",
     .type = T::kBool,
     .description = "push after every build",
     .default_value = "false"},
    {.name = "log_path", .description = "log file; default: none"},
    {.name = "semantic_version_tags_enabled",
     .type = T::kBool,
     .description = "further tags for versions that are semantic versions",
     .default_value = "false"},
    {.name = "semantic_version_tags_templates",
     .type = T::kTexts,
     .description = "templates of those tags",
     .default_value = "{{ .Major }}.{{ .Minor }}.{{ .Patch }}"},
    {.name = "semantic_version_strict",
     .type = T::kBool,
     .description = "only what Semantic Versioning 2.0.0 allows; 1.2 or v1.2.3 is none then",
     .default_value = "false"},
    {.name = "parent_instances",
     .description = "which instances of a parent an image builds on",
     .default_value = "all",
     .values = "all|first"},
    {.name = "paths_relative_to",
     .description = "what relative paths of contexts are relative to",
     .default_value = "working_directory",
     .values = "working_directory|file"},
    {.name = "credentials",
     .type = T::kMap,
     .description = "the store of passwords for registries and git servers",
     .members = &kCredentialsTable},
    {.name = "registries",
     .type = T::kNamedMaps,
     .description = "settings of registries by `host[:port]`; `host` counts for all its ports",
     .members = &kRegistryTable},
    {.name = "tree_path", .description = "as `images_path`", .replaced_by = "`images_path`"},
    {.name = "builder_path", .description = "as `builders_path`", .replaced_by = "`builders_path`"},
    {.name = "num_workers",
     .type = T::kCount,
     .description = "as `concurrency`",
     .replaced_by = "`concurrency`"},
    {.name = "build_on_cascade",
     .type = T::kBool,
     .description = "has no effect",
     .replaced_by = "the flag --build-on-cascade"},
    {.name = "docker_registry_credentials_dir",
     .description = "as `credentials.local_storage_path`, with storage_type local and format json",
     .replaced_by = "`credentials.local_storage_path`"},
};
constexpr KeyTable kConfigurationTable{"a configuration", kConfiguration, ""};

}  // namespace

const KeyTable& ConfigurationKeys() { return kConfigurationTable; }
const KeyTable& CredentialsKeys() { return kCredentialsTable; }
const KeyTable& RegistryKeys() { return kRegistryTable; }
const KeyTable& DefinitionFileKeys() { return kDefinitionFileTable; }
const KeyTable& ImageKeys() { return kImageTable; }
const KeyTable& BuilderKeys() { return kBuilderTable; }
const KeyTable& ContextKeys() { return kContextTable; }
const KeyTable& GitKeys() { return kGitTable; }
const KeyTable& GitAuthKeys() { return kGitAuthTable; }
const KeyTable& MappingKeys() { return kMappingTable; }

}  // namespace stevedore::graph
