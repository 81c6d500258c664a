#include "graph/template_syntax.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "graph/spelling.h"
#include "graph/template_lexer.h"

namespace stevedore::graph::syntax {
namespace {

// Nesting of actions and parentheses: parsing and executing recurse.
constexpr int kMaxDepth = 64;

constexpr absl::string_view kFunctions[] = {
    "and", "call", "eq",  "ge", "gt",    "html",   "index",   "js",    "le",      "len",
    "lt",  "ne",   "not", "or", "print", "printf", "println", "slice", "urlquery"};

// Recursive descent over the tokens.
class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  absl::StatusOr<Tree> Run() {
    Ending ending;
    ASSIGN_OR_RETURN(tree_.root, Nodes(&ending, /*depth=*/0));
    if (ending.word != "") {
      return ErrorAt(ending.offset, absl::StrCat("`", ending.word, "` without a beginning"));
    }
    return std::move(tree_);
  }

 private:
  // What ended a list of nodes: "end", "else" (its action is not read to the end), or the text's
  // end ("").
  struct Ending {
    std::string word;
    size_t offset = 0;
  };

  const Token& Peek() const { return tokens_[at_]; }
  const Token& Next() {
    return tokens_[at_].kind == Token::Kind::kEnd ? tokens_[at_] : tokens_[at_++];
  }
  bool AtSymbol(absl::string_view symbol) const {
    return Peek().kind == Token::Kind::kSymbol && Peek().text == symbol;
  }
  bool AtWord(absl::string_view word) const {
    return Peek().kind == Token::Kind::kWord && Peek().text == word;
  }

  absl::Status ExpectClose(absl::string_view after) {
    if (Peek().kind != Token::Kind::kClose) {
      return ErrorAt(Peek().offset, absl::StrCat("unexpected ", base::Quoted(Peek().text),
                                                 " after ", after, ", expected `}}`"));
    }
    Next();
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<Node>> Nodes(Ending* ending, int depth) {
    std::vector<Node> nodes;
    while (true) {
      const Token& token = Next();
      if (token.kind == Token::Kind::kEnd) {
        *ending = {"", token.offset};
        return nodes;
      }
      if (token.kind == Token::Kind::kText) {
        Node text;
        text.text = token.text;
        nodes.push_back(std::move(text));
        continue;
      }
      // An action.
      if (depth > kMaxDepth) {
        return ErrorAt(token.offset, absl::StrCat("more than ", kMaxDepth, " actions nested"));
      }
      const size_t offset = token.offset;
      if (AtWord("end") || AtWord("else")) {
        *ending = {Next().text, offset};
        if (ending->word == "end") RETURN_IF_ERROR(ExpectClose("`end`"));
        return nodes;
      }
      if (AtWord("define")) {
        Next();
        RETURN_IF_ERROR(Define(offset, depth));
        continue;
      }
      ASSIGN_OR_RETURN(Node node, Action(offset, depth));
      nodes.push_back(std::move(node));
    }
  }

  absl::StatusOr<Node> Action(size_t offset, int depth) {
    Node node;
    node.offset = offset;
    if (Peek().kind == Token::Kind::kWord) {
      const std::string word = Peek().text;
      if (word == "if" || word == "with" || word == "range") {
        Next();
        node.kind = word == "if"     ? Node::Kind::kIf
                    : word == "with" ? Node::Kind::kWith
                                     : Node::Kind::kRange;
        RETURN_IF_ERROR(Branch(&node, word, depth));
        return node;
      }
      if (word == "template" || word == "block") {
        Next();
        RETURN_IF_ERROR(Invocation(&node, word, depth));
        return node;
      }
      if (word == "break" || word == "continue") {
        Next();
        if (range_depth_ == 0) {
          return ErrorAt(offset, absl::StrCat("`", word, "` outside `range`"));
        }
        node.kind = word == "break" ? Node::Kind::kBreak : Node::Kind::kContinue;
        RETURN_IF_ERROR(ExpectClose(absl::StrCat("`", word, "`")));
        return node;
      }
    }
    node.kind = Node::Kind::kPrint;
    ASSIGN_OR_RETURN(node.pipeline, ParsePipeline(depth, /*in_range=*/false));
    RETURN_IF_ERROR(ExpectClose("a value"));
    return node;
  }

  absl::Status Branch(Node* node, const std::string& word, int depth) {
    const bool is_range = node->kind == Node::Kind::kRange;
    ASSIGN_OR_RETURN(node->pipeline, ParsePipeline(depth, is_range));
    RETURN_IF_ERROR(ExpectClose(absl::StrCat("`", word, "`")));
    Ending ending;
    range_depth_ += is_range;
    ASSIGN_OR_RETURN(node->body, Nodes(&ending, depth + 1));
    range_depth_ -= is_range;
    if (ending.word == "else") {
      if (!is_range && (AtWord("if") || AtWord("with"))) {
        // `else if` is an `if` inside the `else` that shares its `end`.
        ASSIGN_OR_RETURN(Node inner, Chained(ending.offset, depth));
        node->otherwise.push_back(std::move(inner));
        return absl::OkStatus();
      }
      RETURN_IF_ERROR(ExpectClose("`else`"));
      ASSIGN_OR_RETURN(node->otherwise, Nodes(&ending, depth + 1));
      if (ending.word == "else") return ErrorAt(ending.offset, "a second `else`; expected `end`");
    }
    if (ending.word != "end") {
      return ErrorAt(node->offset, absl::StrCat("`", word, "` without `{{ end }}`"));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Node> Chained(size_t offset, int depth) {
    if (depth + 1 > kMaxDepth) {
      return ErrorAt(offset, absl::StrCat("more than ", kMaxDepth, " actions nested"));
    }
    return Action(offset, depth + 1);
  }

  absl::StatusOr<std::string> TemplateName(absl::string_view word) {
    if (Peek().kind != Token::Kind::kLiteral ||
        Peek().value.kind() != TemplateValue::Kind::kString) {
      return ErrorAt(Peek().offset, absl::StrCat("`", word, "` needs a name in quotes"));
    }
    return Next().value.string_value();
  }

  absl::Status Define(size_t offset, int depth) {
    if (depth > 0) return ErrorAt(offset, "`define` inside another action");
    ASSIGN_OR_RETURN(const std::string name, TemplateName("define"));
    RETURN_IF_ERROR(ExpectClose("the name"));
    return DefineBody(name, offset, depth);
  }

  absl::Status DefineBody(const std::string& name, size_t offset, int depth) {
    const int outer_ranges = std::exchange(range_depth_, 0);
    Ending ending;
    ASSIGN_OR_RETURN(std::vector<Node> body, Nodes(&ending, depth + 1));
    range_depth_ = outer_ranges;
    if (ending.word != "end") return ErrorAt(offset, "this definition has no `{{ end }}`");
    tree_.definitions[name] = std::move(body);
    return absl::OkStatus();
  }

  absl::Status Invocation(Node* node, const std::string& word, int depth) {
    node->kind = Node::Kind::kTemplate;
    ASSIGN_OR_RETURN(node->text, TemplateName(word));
    if (Peek().kind != Token::Kind::kClose) {
      node->has_pipeline = true;
      ASSIGN_OR_RETURN(node->pipeline, ParsePipeline(depth, /*in_range=*/false));
    }
    RETURN_IF_ERROR(ExpectClose("the name"));
    return word == "block" ? DefineBody(node->text, node->offset, depth) : absl::OkStatus();
  }

  absl::StatusOr<Pipeline> ParsePipeline(int depth, bool in_range) {
    Pipeline pipeline;
    pipeline.offset = Peek().offset;
    if (depth > kMaxDepth) {
      return ErrorAt(Peek().offset, absl::StrCat("more than ", kMaxDepth, " parentheses nested"));
    }
    RETURN_IF_ERROR(Variables(&pipeline, in_range));
    while (true) {
      ASSIGN_OR_RETURN(Command command, ParseCommand(depth));
      const Operand& first = command.words[0];
      if (!pipeline.commands.empty() && (first.kind != Operand::Kind::kFunction)) {
        return ErrorAt(first.offset, "only a function can take what comes through `|`");
      }
      pipeline.commands.push_back(std::move(command));
      if (!AtSymbol("|")) return pipeline;
      Next();
    }
  }

  // `$x :=`, `$x =`, and in range `$i, $x :=`.
  absl::Status Variables(Pipeline* pipeline, bool in_range) {
    if (Peek().kind != Token::Kind::kVariable) return absl::OkStatus();
    auto symbol = [&](size_t i, absl::string_view text) {
      return i < tokens_.size() && tokens_[i].kind == Token::Kind::kSymbol &&
             tokens_[i].text == text;
    };
    size_t last = at_;
    if (in_range && symbol(at_ + 1, ",") && tokens_[at_ + 2].kind == Token::Kind::kVariable) {
      last = at_ + 2;
    }
    if (!symbol(last + 1, ":=") && !symbol(last + 1, "=")) return absl::OkStatus();
    for (size_t i = at_; i <= last; i += 2) {
      if (tokens_[i].text == "$") return ErrorAt(tokens_[i].offset, "`$` itself cannot be set");
      pipeline->variables.push_back(tokens_[i].text);
    }
    pipeline->declares = tokens_[last + 1].text == ":=";
    at_ = last + 2;
    return absl::OkStatus();
  }

  absl::StatusOr<Command> ParseCommand(int depth) {
    Command command;
    while (Peek().kind != Token::Kind::kClose && !AtSymbol("|") && !AtSymbol(")")) {
      if (!command.words.empty() && !Peek().after_blank && !AtSymbol("(")) {
        return ErrorAt(Peek().offset,
                       absl::StrCat("a blank is missing before ", base::Quoted(Peek().text)));
      }
      ASSIGN_OR_RETURN(Operand operand, ParseOperand(depth, command.words.empty()));
      command.words.push_back(std::move(operand));
    }
    if (command.words.empty()) return ErrorAt(Peek().offset, "a value is missing");
    if (command.words.size() > 1 && command.words[0].kind != Operand::Kind::kFunction) {
      return ErrorAt(command.words[1].offset, "only a function can be given arguments");
    }
    return command;
  }

  absl::StatusOr<Operand> ParseOperand(int depth, bool is_first) {
    const Token token = Next();
    Operand operand;
    operand.offset = token.offset;
    switch (token.kind) {
      case Token::Kind::kDot:
        return operand;
      case Token::Kind::kField:
        operand.fields.push_back(token.text);
        break;
      case Token::Kind::kVariable:
        operand.kind = Operand::Kind::kVariable;
        operand.name = token.text;
        break;
      case Token::Kind::kLiteral:
        operand.kind = Operand::Kind::kLiteral;
        operand.literal = token.value;
        return operand;
      case Token::Kind::kWord:
        RETURN_IF_ERROR(Word(token, is_first, &operand));
        if (operand.kind == Operand::Kind::kLiteral) return operand;
        return operand;
      default:
        if (token.kind != Token::Kind::kSymbol || token.text != "(") {
          return ErrorAt(token.offset, absl::StrCat("unexpected ", base::Quoted(token.text)));
        }
        operand.kind = Operand::Kind::kPipeline;
        ASSIGN_OR_RETURN(Pipeline inner, ParsePipeline(depth + 1, /*in_range=*/false));
        operand.pipeline = std::make_shared<const Pipeline>(std::move(inner));
        if (!AtSymbol(")")) return ErrorAt(Peek().offset, "expected `)`");
        Next();
    }
    while (Peek().kind == Token::Kind::kField && !Peek().after_blank) {
      operand.fields.push_back(Next().text);
    }
    return operand;
  }

  absl::Status Word(const Token& token, bool is_first, Operand* operand) {
    operand->kind = Operand::Kind::kLiteral;
    if (token.text == "true" || token.text == "false") {
      operand->literal = TemplateValue::Bool(token.text == "true");
      return absl::OkStatus();
    }
    if (token.text == "nil") {
      if (is_first) return ErrorAt(token.offset, "`nil` alone is no value");
      operand->literal = TemplateValue::Nil();
      return absl::OkStatus();
    }
    if (!IsFunction(token.text)) {
      return ErrorAt(token.offset,
                     absl::StrCat("no function ", base::Quoted(token.text),
                                  DidYouMean(token.text, absl::MakeConstSpan(kFunctions)),
                                  "; fields begin with a dot, functions are ",
                                  absl::StrJoin(kFunctions, " ")));
    }
    operand->kind = Operand::Kind::kFunction;
    operand->name = token.text;
    return absl::OkStatus();
  }

  const std::vector<Token> tokens_;
  size_t at_ = 0;
  int range_depth_ = 0;
  Tree tree_;
};

}  // namespace

absl::StatusOr<Tree> ParseTree(absl::string_view text) {
  ASSIGN_OR_RETURN(std::vector<Token> tokens, Tokenize(text));
  return Parser(std::move(tokens)).Run();
}

bool IsFunction(absl::string_view name) {
  return std::find(std::begin(kFunctions), std::end(kFunctions), name) != std::end(kFunctions);
}

}  // namespace stevedore::graph::syntax
