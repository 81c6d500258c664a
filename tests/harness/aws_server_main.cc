// aws_server: the tests' AWS for trying things by hand. Runs until standard input ends.
//
//   aws_server [PASSWORD]     prints the variables that lead our programs to it

#include <unistd.h>

#include <iostream>

#include "tests/harness/aws_server.h"

int main(int argc, char** argv) {
  const auto server = stevedore::testing::AwsServer::Start();
  if (!server.ok()) {
    std::cerr << server.status() << "\n";
    return 1;
  }
  if (argc > 1) (*server)->set_password(argv[1]);
  (*server)->AddRole("arn:aws:iam::123456789012:role/push", {});
  std::cout << "export AWS_ENDPOINT_URL=" << (*server)->url()
            << " AWS_ACCESS_KEY_ID=AKIDTEST AWS_SECRET_ACCESS_KEY=very/secret+key" << std::endl;
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
  return 0;
}
