#include "coordinator/dashboard/assets.h"

#include <zlib.h>

#include <algorithm>
#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::dashboard {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

std::string Unzip(std::string_view gzip) {
  std::string plain(16 << 20, '\0');
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 16 + MAX_WBITS), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(gzip.data()));
  stream.avail_in = static_cast<uInt>(gzip.size());
  stream.next_out = reinterpret_cast<Bytef*>(plain.data());
  stream.avail_out = static_cast<uInt>(plain.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  plain.resize(stream.total_out);
  inflateEnd(&stream);
  return plain;
}

const Asset* Find(std::string_view path) {
  const auto assets = Assets();
  const auto found = std::find_if(assets.begin(), assets.end(), [&](const Asset& a) { return a.path == path; });
  return found == assets.end() ? nullptr : &*found;
}

TEST(AssetsTest, ThePageNamesOnlyWhatIsServed) {
  const Asset* page = Find("/");
  ASSERT_NE(page, nullptr);
  EXPECT_EQ(page->content_type, "text/html; charset=utf-8");
  EXPECT_FALSE(page->immutable);
  const std::string html = Unzip(page->gzip);
  EXPECT_THAT(html, HasSubstr("<div id=\"root\">"));
  EXPECT_THAT(html, Not(HasSubstr("<style")));
  EXPECT_THAT(html, Not(HasSubstr("://")));
  int named = 0;
  for (const std::string attribute : {"src=\"", "href=\""}) {
    for (size_t at = html.find(attribute); at != std::string::npos; at = html.find(attribute, at + 1)) {
      const size_t begin = at + attribute.size();
      const std::string path = html.substr(begin, html.find('"', begin) - begin);
      EXPECT_NE(Find(path), nullptr) << path;
      ++named;
    }
  }
  EXPECT_GE(named, 3) << "script, style and icon: " << html;
}

TEST(AssetsTest, EveryAssetIsGzipWithATypeAndItsOwnTag) {
  std::set<std::string_view> paths;
  for (const Asset& asset : Assets()) {
    EXPECT_TRUE(paths.insert(asset.path).second) << asset.path;
    EXPECT_THAT(std::string(asset.etag), MatchesRegex("\"[0-9a-f]{16}\"")) << asset.path;
    EXPECT_FALSE(asset.content_type.empty()) << asset.path;
    EXPECT_EQ(asset.immutable, asset.path.starts_with("/assets/")) << asset.path;
    EXPECT_FALSE(Unzip(asset.gzip).empty()) << asset.path;
  }
}

TEST(AssetsTest, FirstLoadIsWithinItsBudget) {
  size_t all = 0, css = 0;
  for (const Asset& asset : Assets()) {
    all += asset.gzip.size();
    css += asset.content_type.starts_with("text/css") ? asset.gzip.size() : 0;
  }
  EXPECT_LE(all, 150u * 1024);
  EXPECT_LE(css, 10u * 1024);
  EXPECT_GT(css, 0u);
}

}  // namespace
}  // namespace breakwater::dashboard
