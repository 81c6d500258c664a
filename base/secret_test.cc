#include "base/secret.h"

#include <gtest/gtest.h>

#include <ostream>
#include <type_traits>

namespace stevedore::base {
namespace {

template <typename T>
concept Printable = requires(std::ostream& out, const T& value) {
  out << value;
};

TEST(SecretTest, CannotBePrintedOrConverted) {
  EXPECT_FALSE(Printable<Secret>);
  EXPECT_FALSE((std::is_convertible_v<Secret, std::string>));
}

TEST(SecretTest, CopiesAndMoves) {
  Secret secret("s3cret");
  const Secret copy = secret;
  const Secret moved = std::move(secret);
  EXPECT_EQ(copy.Reveal(), "s3cret");
  EXPECT_TRUE(copy == moved);
  EXPECT_TRUE(Secret().empty());
}

}  // namespace
}  // namespace stevedore::base
