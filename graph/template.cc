#include "graph/template.h"

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "graph/spelling.h"
#include "graph/template_functions.h"
#include "graph/template_lexer.h"
#include "graph/template_syntax.h"

namespace stevedore::graph {
namespace {

using syntax::Command;
using syntax::ErrorAt;
using syntax::Node;
using syntax::Operand;
using syntax::Pipeline;
using Kind = TemplateValue::Kind;

// Templates that call each other.
constexpr int kMaxCalls = 50;

// One run of a template.
class Execution {
 public:
  Execution(const syntax::Tree& tree, const TemplateValue& data) : tree_(tree) {
    variables_.push_back({"$", data});
  }

  absl::StatusOr<TemplateOutput> Run() {
    const TemplateValue data = variables_[0].second;
    RETURN_IF_ERROR(Walk(tree_.root, data).status());
    return std::move(output_);
  }

 private:
  // What happens after a list of nodes.
  enum class Flow { kOn, kBreak, kContinue };

  absl::Status Step(size_t offset) {
    if (++steps_ > Template::kMaxSteps) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "column ", offset + 1, ": the template takes more than ", Template::kMaxSteps, " steps"));
    }
    return absl::OkStatus();
  }

  absl::Status Write(absl::string_view text, size_t offset) {
    if (output_.text.size() + text.size() > Template::kMaxOutputBytes) {
      return absl::ResourceExhaustedError(absl::StrCat("column ", offset + 1,
                                                       ": the template makes more than ",
                                                       Template::kMaxOutputBytes, " bytes"));
    }
    output_.text.append(text.data(), text.size());
    return absl::OkStatus();
  }

  TemplateValue Seen(TemplateValue value) {
    output_.is_volatile |= value.is_volatile();
    return value;
  }

  absl::StatusOr<Flow> Walk(const std::vector<Node>& nodes, const TemplateValue& dot) {
    const size_t scope = variables_.size();
    Flow flow = Flow::kOn;
    for (const Node& node : nodes) {
      RETURN_IF_ERROR(Step(node.offset));
      ASSIGN_OR_RETURN(flow, WalkOne(node, dot));
      if (flow != Flow::kOn) break;
    }
    variables_.resize(scope);
    return flow;
  }

  absl::StatusOr<Flow> WalkOne(const Node& node, const TemplateValue& dot) {
    switch (node.kind) {
      case Node::Kind::kText:
        RETURN_IF_ERROR(Write(node.text, node.offset));
        return Flow::kOn;
      case Node::Kind::kPrint: {
        ASSIGN_OR_RETURN(const TemplateValue value, Evaluate(node.pipeline, dot));
        if (node.pipeline.variables.empty()) RETURN_IF_ERROR(Print(value, node.offset));
        return Flow::kOn;
      }
      case Node::Kind::kIf:
      case Node::Kind::kWith:
        return WalkBranch(node, dot);
      case Node::Kind::kRange: {
        const size_t scope = variables_.size();
        absl::StatusOr<Flow> flow = WalkRange(node, dot);
        variables_.resize(scope);
        return flow;
      }
      case Node::Kind::kTemplate:
        RETURN_IF_ERROR(Invoke(node, dot));
        return Flow::kOn;
      case Node::Kind::kBreak:
        return Flow::kBreak;
      case Node::Kind::kContinue:
        return Flow::kContinue;
    }
    return Flow::kOn;
  }

  absl::Status Print(const TemplateValue& value, size_t offset) {
    if (value.kind() == Kind::kRecord) {
      return ErrorAt(offset, absl::StrCat("cannot print a whole ", value.TypeName(),
                                          "; print one of its fields: ",
                                          absl::StrJoin(value.record().FieldNames(), ", ")));
    }
    return Write(Seen(value).Print(), offset);
  }

  absl::StatusOr<Flow> WalkBranch(const Node& node, const TemplateValue& dot) {
    const size_t scope = variables_.size();
    ASSIGN_OR_RETURN(const TemplateValue value, Evaluate(node.pipeline, dot));
    const bool truth = Seen(value).Truth();
    const TemplateValue& inner = truth && node.kind == Node::Kind::kWith ? value : dot;
    absl::StatusOr<Flow> flow = Walk(truth ? node.body : node.otherwise, inner);
    variables_.resize(scope);
    return flow;
  }

  absl::StatusOr<Flow> WalkRange(const Node& node, const TemplateValue& dot) {
    // The variables are set at each turn, not to the list.
    ASSIGN_OR_RETURN(const TemplateValue value, EvaluateCommands(node.pipeline, dot));
    Seen(value);
    const bool is_list = value.kind() == Kind::kList;
    if (!is_list && value.kind() != Kind::kMap) {
      if (!value.Truth() && value.kind() != Kind::kString && value.kind() != Kind::kInt) {
        return Walk(node.otherwise, dot);
      }
      return ErrorAt(node.offset,
                     absl::StrCat("range needs a list or a map, found ", value.TypeName()));
    }
    if (!value.Truth()) return Walk(node.otherwise, dot);
    const size_t scope = variables_.size();
    auto turn = [&](const TemplateValue& key, const TemplateValue& item) -> absl::StatusOr<Flow> {
      RETURN_IF_ERROR(Step(node.offset));
      const std::vector<std::string>& names = node.pipeline.variables;
      if (names.size() == 2) RETURN_IF_ERROR(SetVariable(node.pipeline, names[0], key));
      if (!names.empty()) RETURN_IF_ERROR(SetVariable(node.pipeline, names.back(), item));
      ASSIGN_OR_RETURN(const Flow flow, Walk(node.body, item));
      if (node.pipeline.declares) variables_.resize(scope);
      return flow;
    };
    int64_t index = 0;
    if (is_list) {
      for (const TemplateValue& item : value.list()) {
        ASSIGN_OR_RETURN(const Flow flow, turn(TemplateValue::Int(index++), item));
        if (flow == Flow::kBreak) break;
      }
    } else {
      for (const auto& [key, item] : value.map()) {
        ASSIGN_OR_RETURN(const Flow flow, turn(TemplateValue::String(key), item));
        if (flow == Flow::kBreak) break;
      }
    }
    return Flow::kOn;
  }

  absl::Status Invoke(const Node& node, const TemplateValue& dot) {
    const auto found = tree_.definitions.find(node.text);
    if (found == tree_.definitions.end()) {
      return ErrorAt(node.offset,
                     absl::StrCat("no template is defined as ", base::Quoted(node.text)));
    }
    if (calls_ >= kMaxCalls) {
      return absl::ResourceExhaustedError(absl::StrCat("column ", node.offset + 1,
                                                       ": templates call each other more than ",
                                                       kMaxCalls, " deep"));
    }
    TemplateValue inner = TemplateValue::Nil();
    if (node.has_pipeline) {
      ASSIGN_OR_RETURN(inner, Evaluate(node.pipeline, dot));
    }
    // The called template sees none of our variables.
    auto outer = std::exchange(variables_, {{"$", inner}});
    ++calls_;
    const absl::Status status = Walk(found->second, inner).status();
    --calls_;
    variables_ = std::move(outer);
    return status;
  }

  absl::StatusOr<TemplateValue> Evaluate(const Pipeline& pipeline, const TemplateValue& dot) {
    ASSIGN_OR_RETURN(TemplateValue value, EvaluateCommands(pipeline, dot));
    for (const std::string& name : pipeline.variables) {
      RETURN_IF_ERROR(SetVariable(pipeline, name, value));
    }
    return value;
  }

  absl::Status SetVariable(const Pipeline& pipeline, const std::string& name,
                           const TemplateValue& value) {
    if (pipeline.declares) {
      variables_.push_back({name, value});
      return absl::OkStatus();
    }
    for (size_t i = variables_.size(); i-- > 0;) {
      if (variables_[i].first == name) {
        variables_[i].second = value;
        return absl::OkStatus();
      }
    }
    return ErrorAt(pipeline.offset, absl::StrCat("variable ", name, " is not declared; use `:=`"));
  }

  absl::StatusOr<TemplateValue> EvaluateCommands(const Pipeline& pipeline,
                                                 const TemplateValue& dot) {
    TemplateValue value;
    const TemplateValue* piped = nullptr;
    for (const Command& command : pipeline.commands) {
      ASSIGN_OR_RETURN(value, EvaluateCommand(command, dot, piped));
      piped = &value;
    }
    return value;
  }

  absl::StatusOr<TemplateValue> EvaluateCommand(const Command& command, const TemplateValue& dot,
                                                const TemplateValue* piped) {
    const Operand& first = command.words[0];
    if (first.kind != Operand::Kind::kFunction) return EvaluateOperand(first, dot);
    RETURN_IF_ERROR(Step(first.offset));
    if (first.name == "and" || first.name == "or") return EvaluateLogic(command, dot, piped);
    std::vector<TemplateValue> arguments;
    bool is_volatile = false;
    for (size_t i = 1; i < command.words.size(); ++i) {
      ASSIGN_OR_RETURN(TemplateValue argument, EvaluateOperand(command.words[i], dot));
      is_volatile |= argument.is_volatile();
      arguments.push_back(std::move(argument));
    }
    if (piped != nullptr) {
      is_volatile |= piped->is_volatile();
      arguments.push_back(*piped);
    }
    absl::StatusOr<TemplateValue> result = CallTemplateFunction(first.name, arguments);
    if (!result.ok()) {
      return base::Annotate(result.status(), absl::StrCat("column ", first.offset + 1));
    }
    if (is_volatile) return std::move(*result).Volatile();
    return result;
  }

  // Stops at the first argument that decides.
  absl::StatusOr<TemplateValue> EvaluateLogic(const Command& command, const TemplateValue& dot,
                                              const TemplateValue* piped) {
    const bool stop_at = command.words[0].name == "or";
    TemplateValue value;
    for (size_t i = 1; i < command.words.size(); ++i) {
      ASSIGN_OR_RETURN(value, EvaluateOperand(command.words[i], dot));
      if (Seen(value).Truth() == stop_at) return value;
    }
    if (piped != nullptr) return *piped;
    if (command.words.size() == 1) {
      return ErrorAt(command.words[0].offset,
                     absl::StrCat("`", command.words[0].name, "` needs at least one argument"));
    }
    return value;
  }

  absl::StatusOr<TemplateValue> EvaluateOperand(const Operand& operand, const TemplateValue& dot) {
    TemplateValue value;
    switch (operand.kind) {
      case Operand::Kind::kDot:
        value = dot;
        break;
      case Operand::Kind::kLiteral:
        return operand.literal;
      case Operand::Kind::kPipeline: {
        RETURN_IF_ERROR(Step(operand.offset));
        ASSIGN_OR_RETURN(value, Evaluate(*operand.pipeline, dot));
        break;
      }
      case Operand::Kind::kVariable: {
        bool found = false;
        for (size_t i = variables_.size(); !found && i-- > 0;) {
          if (variables_[i].first != operand.name) continue;
          value = variables_[i].second;
          found = true;
        }
        if (!found) {
          return ErrorAt(operand.offset, absl::StrCat("variable ", operand.name,
                                                      " is not declared; declare it with `:=`"));
        }
        break;
      }
      case Operand::Kind::kFunction: {
        // A function as an argument is called without arguments of its own.
        const Command alone{{operand}};
        return EvaluateCommand(alone, dot, nullptr);
      }
    }
    return EvaluateFields(operand, std::move(value));
  }

  absl::StatusOr<TemplateValue> EvaluateFields(const Operand& operand, TemplateValue value) {
    absl::string_view before = "";
    for (const std::string& field : operand.fields) {
      if (value.kind() == Kind::kMap) {
        const auto found = value.map().find(field);
        TemplateValue next = found == value.map().end() ? TemplateValue() : found->second;
        if (value.is_volatile()) next = std::move(next).Volatile();
        value = std::move(next);
      } else if (value.kind() == Kind::kRecord) {
        std::optional<TemplateValue> next = value.record().Field(field);
        if (!next.has_value()) return UnknownField(operand, value.record(), field);
        value = *std::move(next);
      } else if (value.kind() == Kind::kNil || value.kind() == Kind::kMissing) {
        return ErrorAt(operand.offset,
                       absl::StrCat("cannot take .", field, ": ",
                                    before.empty() ? "the value" : before, " is not set"));
      } else {
        return ErrorAt(operand.offset,
                       absl::StrCat("cannot take .", field, " of a ", value.TypeName()));
      }
      before = field;
    }
    return Seen(std::move(value));
  }

  static absl::Status UnknownField(const Operand& operand, const TemplateRecord& record,
                                   const std::string& field) {
    const std::vector<std::string> known = record.FieldNames();
    return ErrorAt(operand.offset, absl::StrCat("the ", record.type_name(), " has no field .",
                                                field, DidYouMean(field, known), "; fields are ",
                                                absl::StrJoin(known, ", ")));
  }

  const syntax::Tree& tree_;
  std::vector<std::pair<std::string, TemplateValue>> variables_;
  TemplateOutput output_;
  int steps_ = 0;
  int calls_ = 0;
};

}  // namespace

bool Template::HasActions(absl::string_view text) { return absl::StrContains(text, "{{"); }

absl::StatusOr<Template> Template::Parse(absl::string_view text) {
  if (text.size() > kMaxTextBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a template of ", text.size(), " bytes; at most ", kMaxTextBytes, " are allowed"));
  }
  ASSIGN_OR_RETURN(syntax::Tree tree, syntax::ParseTree(text));
  return Template(std::make_shared<const syntax::Tree>(std::move(tree)));
}

absl::StatusOr<TemplateOutput> Template::Execute(const TemplateValue& data) const {
  return Execution(*tree_, data).Run();
}

}  // namespace stevedore::graph
