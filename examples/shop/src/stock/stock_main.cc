// The shop's stock service: answers every HTTP request with the stock list as JSON. `stock FILE
// --check` prints the articles to reorder and exits with 1 if there are any.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace {

// One line of the stock list.
struct Article {
  std::string name;
  int in_stock = 0;
  int reorder_below = 0;
};

// Reads "article,in_stock,reorder_below" lines below one heading; nothing if the file is missing or
// malformed.
std::optional<std::vector<Article>> ReadStock(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  std::vector<Article> articles;
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    Article article;
    char comma = 0;
    if (!std::getline(fields, article.name, ',') ||
        !(fields >> article.in_stock >> comma >> article.reorder_below)) {
      return std::nullopt;
    }
    articles.push_back(article);
  }
  return articles;
}

// Article names come from our own file and hold nothing that JSON would escape.
std::string ToJson(const std::vector<Article>& articles) {
  std::ostringstream json;
  json << "[";
  for (size_t i = 0; i < articles.size(); ++i) {
    json << (i == 0 ? "" : ",") << "\n  {\"article\": \"" << articles[i].name
         << "\", \"in_stock\": " << articles[i].in_stock << ", \"reorder\": "
         << (articles[i].in_stock < articles[i].reorder_below ? "true" : "false") << "}";
  }
  json << "\n]\n";
  return json.str();
}

int Check(const std::vector<Article>& articles) {
  int short_of = 0;
  for (const Article& article : articles) {
    if (article.in_stock >= article.reorder_below) continue;
    ++short_of;
    std::cout << "reorder " << article.name << ": " << article.in_stock << " left, "
              << article.reorder_below << " wanted\n";
  }
  return short_of == 0 ? 0 : 1;
}

// Answers one request; the request itself does not matter, but is read so that the peer sees no
// reset.
void Answer(int connection, const std::string& path) {
  char request[4096];
  if (read(connection, request, sizeof(request)) <= 0) return;
  const std::optional<std::vector<Article>> articles = ReadStock(path);
  const std::string body = articles ? ToJson(*articles) : "cannot read the stock list\n";
  std::ostringstream response;
  response << "HTTP/1.0 " << (articles ? "200 OK" : "500 Internal Server Error")
           << "\r\nContent-Type: application/json\r\nContent-Length: " << body.size() << "\r\n\r\n"
           << body;
  const std::string text = response.str();
  for (size_t sent = 0; sent < text.size();) {
    const ssize_t n = write(connection, text.data() + sent, text.size() - sent);
    if (n <= 0) return;
    sent += static_cast<size_t>(n);
  }
}

int Serve(const std::string& path, uint16_t port) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
      listen(listener, 16) != 0) {
    std::perror("stock: listen");
    return 1;
  }
  std::cerr << "stock: listening on port " << port << "\n";
  for (;;) {
    const int connection = accept(listener, nullptr, nullptr);
    if (connection < 0) continue;
    Answer(connection, path);
    close(connection);
  }
}

}  // namespace

int main(int argc, char** argv) {
  // A peer that hangs up must not end the service.
  std::signal(SIGPIPE, SIG_IGN);
  if (argc < 2) {
    std::cerr << "usage: stock FILE [--check]\n";
    return 2;
  }
  const std::string path = argv[1];
  if (argc > 2 && std::string(argv[2]) == "--check") {
    const std::optional<std::vector<Article>> articles = ReadStock(path);
    if (articles) return Check(*articles);
    std::cerr << "stock: cannot read " << path << "\n";
    return 2;
  }
  const char* port = std::getenv("STOCK_PORT");
  return Serve(path, static_cast<uint16_t>(port != nullptr ? std::atoi(port) : 8081));
}
