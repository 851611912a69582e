// Plain bytes as they are; gzip archives of one or more members through zlib's inflate (RFC 1952), read here rather
// than by gzread, which ignores what follows the last member.
#include "models/serving/workload/byte_reader.hpp"

#include <cerrno>
#include <fcntl.h>
#include <stdexcept>
#include <unistd.h>
#include <utility>

#include <zlib.h>

#include "hardware/config/config.hpp"
#include "hardware/config/files.hpp"

namespace orrery::models {
namespace {

constexpr std::size_t kBuffer = std::size_t{64} << 10;
constexpr int kGzipOnly = 16 + MAX_WBITS;

[[noreturn]] void refuse(const std::string& path, const char* message) {
  throw hardware::ConfigError(std::vector<hardware::Diagnostic>{{path, {}, message}});
}

}  // namespace

void ByteReader::End::operator()(z_stream_s* stream) const {
  inflateEnd(stream);
  delete stream;
}

ByteReader::ByteReader(std::string path) : path_(std::move(path)), raw_(kBuffer) {
  if (path_ == "-") {
    descriptor_ = dup(STDIN_FILENO);
  } else {
    hardware::check_input_file(path_);
    descriptor_ = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  }
  if (descriptor_ < 0) refuse(path_, "the file can't be read: no such file, or no permission");
}

ByteReader::~ByteReader() {
  if (descriptor_ >= 0) close(descriptor_);
}

// False at the end of the file.
bool ByteReader::fill() {
  if (from_ < to_) return true;
  ssize_t got = 0;
  do {
    got = ::read(descriptor_, raw_.data(), raw_.size());
  } while (got < 0 && errno == EINTR);
  if (got < 0) throw std::invalid_argument("the file can't be read");
  from_ = 0;
  to_ = static_cast<std::size_t>(got);
  return to_ > 0;
}

// Between members: whether another one follows.
bool ByteReader::next_member() {
  while (fill()) {
    if (raw_[from_] != '\0') {
      if (raw_[from_] != '\x1f') throw std::invalid_argument("what follows the end of the gzip archive is none");
      inflateReset(stream_.get());
      ended_ = false;
      return true;
    }
    ++from_;
  }
  return false;
}

std::string_view ByteReader::inflate_some() {
  while (!ended_ || next_member()) {
    if (!fill()) throw std::invalid_argument("the gzip archive is cut short");
    stream_->next_in = reinterpret_cast<Bytef*>(raw_.data() + from_);
    stream_->avail_in = static_cast<uInt>(to_ - from_);
    stream_->next_out = reinterpret_cast<Bytef*>(unpacked_.data());
    stream_->avail_out = static_cast<uInt>(unpacked_.size());
    const int status = inflate(stream_.get(), Z_NO_FLUSH);
    from_ = to_ - stream_->avail_in;
    if (status == Z_STREAM_END) {
      ended_ = true;
    } else if (status != Z_OK && status != Z_BUF_ERROR) {
      throw std::invalid_argument("the gzip archive is broken");
    }
    const std::size_t count = unpacked_.size() - stream_->avail_out;
    if (count > 0) return {unpacked_.data(), count};
  }
  return {};
}

std::string_view ByteReader::read() {
  if (std::exchange(has_head_, false)) return head_;
  if (!fill() && !stream_) return {};
  if (!std::exchange(started_, true)) {
    // A pipe may hand out the first byte alone; a trace that begins with 0x1f is none.
    if (raw_[0] == '\x1f' && (to_ < 2 || raw_[1] == '\x8b')) {
      stream_.reset(new z_stream_s{});
      unpacked_.resize(kBuffer);
      if (inflateInit2(stream_.get(), kGzipOnly) != Z_OK) throw std::bad_alloc();
    }
  }
  if (stream_) return inflate_some();
  const std::string_view bytes(raw_.data() + from_, to_ - from_);
  from_ = to_;
  return bytes;
}

std::string_view ByteReader::head() {
  while (head_.size() < kHead) {
    const std::string_view more = read();
    if (more.empty()) break;
    head_ += more;
  }
  has_head_ = !head_.empty();
  return hardware::without_byte_order_mark(std::string_view(head_).substr(0, kHead));
}

}  // namespace orrery::models
