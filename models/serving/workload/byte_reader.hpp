// The bytes of a file in pieces, plain or gzip, whatever its length: what readers of lines and of JSON lists share.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct z_stream_s;

namespace orrery::models {

class ByteReader {
 public:
  /// So many bytes are seen by head().
  static constexpr std::size_t kHead = std::size_t{64} << 10;

  /// "-" is standard input. Throws hardware::ConfigError if the file is missing, unreadable or a folder.
  explicit ByteReader(std::string path);
  ~ByteReader();
  ByteReader(const ByteReader&) = delete;
  ByteReader& operator=(const ByteReader&) = delete;

  /// The next bytes, empty at the end; the view holds until the next call. Throws std::invalid_argument with a
  /// sentence, to which the caller adds the place: a read that fails, an archive that is broken, cut short, or followed
  /// by what is no archive (zeros are padding, as gzip has it).
  [[nodiscard]] std::string_view read();
  /// What read() will begin with, less a byte order mark: kHead bytes of it where the file is longer than that. Throws
  /// as read(). REQUIRES that nothing has been read.
  [[nodiscard]] std::string_view head();

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] bool is_gzip() const { return stream_ != nullptr; }

 private:
  struct End {
    void operator()(z_stream_s* stream) const;
  };

  bool fill();
  std::string_view inflate_some();
  bool next_member();

  std::string path_;
  int descriptor_ = -1;
  std::vector<char> raw_, unpacked_;
  std::size_t from_ = 0, to_ = 0;  ///< unread part of raw_
  bool started_ = false;
  bool ended_ = false;                       ///< the archive's member has; the next one has not begun
  std::unique_ptr<z_stream_s, End> stream_;  ///< of an archive
  std::string head_;                         ///< bytes that head() read, until read() hands them out
  bool has_head_ = false;
};

}  // namespace orrery::models
