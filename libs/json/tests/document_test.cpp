#include "libs/json/document.hpp"

#include <gtest/gtest.h>

namespace agora::json {
namespace {

TEST(Document, TakesMoreValuesWhereItIsTold) {
  std::string text = "[0";
  for (std::size_t i = 0; i < kValuesMax; ++i) text += ",0";
  text += ']';
  EXPECT_EQ(Document::parse(text).error().code, "too_many_values");
  EXPECT_TRUE(Document::parse(text, kValuesMax + 2).has_value());
}

TEST(Append, GivesTheTextAgainWithoutBlanks) {
  const auto document =
      Document::parse(R"( {"a" : [1.50, -0, 1E+2, "x\u00e9\n\"", null, true, false, {}, []], "b\\" : {"c":0}} )");
  ASSERT_TRUE(document.has_value());
  std::string out = "!";
  append(out, document->root());
  EXPECT_EQ(out, R"(!{"a":[1.50,-0,1E+2,"xé\n\"",null,true,false,{},[]],"b\\":{"c":0}})");
}

TEST(Append, GivesAPartOfADocument) {
  const auto document = Document::parse(R"({"a":1,"b":[{"c":2},3]})").value();
  std::string out;
  append(out, *document.root().member("b")->first());
  EXPECT_EQ(out, R"({"c":2})");
}

}  // namespace
}  // namespace agora::json
