#include "service/reverse-proxy/route/mime.h"

#define UTF8 "; charset=utf-8"

/* Sorted by ending. From the IANA registry of media types. */
static const struct {
	const char *ending, *type;
} types[] = {
	{"7z", "application/x-7z-compressed"},
	{"aac", "audio/aac"},
	{"apk", "application/vnd.android.package-archive"},
	{"atom", "application/atom+xml"},
	{"avi", "video/x-msvideo"},
	{"avif", "image/avif"},
	{"bin", "application/octet-stream"},
	{"bmp", "image/bmp"},
	{"bz2", "application/x-bzip2"},
	{"c", "text/plain" UTF8},
	{"css", "text/css" UTF8},
	{"csv", "text/csv" UTF8},
	{"deb", "application/vnd.debian.binary-package"},
	{"doc", "application/msword"},
	{"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
	{"eot", "application/vnd.ms-fontobject"},
	{"epub", "application/epub+zip"},
	{"flac", "audio/flac"},
	{"gif", "image/gif"},
	{"gz", "application/gzip"},
	{"h", "text/plain" UTF8},
	{"heic", "image/heic"},
	{"htm", "text/html" UTF8},
	{"html", "text/html" UTF8},
	{"ico", "image/vnd.microsoft.icon"},
	{"ics", "text/calendar" UTF8},
	{"iso", "application/octet-stream"},
	{"jar", "application/java-archive"},
	{"jpeg", "image/jpeg"},
	{"jpg", "image/jpeg"},
	{"js", "text/javascript" UTF8},
	{"json", "application/json"},
	{"jsonld", "application/ld+json"},
	{"jxl", "image/jxl"},
	{"log", "text/plain" UTF8},
	{"m3u8", "application/vnd.apple.mpegurl"},
	{"m4a", "audio/mp4"},
	{"map", "application/json"},
	{"md", "text/markdown" UTF8},
	{"mjs", "text/javascript" UTF8},
	{"mkv", "video/matroska"},
	{"mov", "video/quicktime"},
	{"mp3", "audio/mpeg"},
	{"mp4", "video/mp4"},
	{"mpd", "application/dash+xml"},
	{"odp", "application/vnd.oasis.opendocument.presentation"},
	{"ods", "application/vnd.oasis.opendocument.spreadsheet"},
	{"odt", "application/vnd.oasis.opendocument.text"},
	{"oga", "audio/ogg"},
	{"ogg", "audio/ogg"},
	{"ogv", "video/ogg"},
	{"opus", "audio/ogg"},
	{"otf", "font/otf"},
	{"pdf", "application/pdf"},
	{"pem", "application/x-pem-file"},
	{"png", "image/png"},
	{"ppt", "application/vnd.ms-powerpoint"},
	{"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
	{"ps", "application/postscript"},
	{"rss", "application/rss+xml"},
	{"rtf", "application/rtf"},
	{"sh", "text/plain" UTF8},
	{"svg", "image/svg+xml"},
	{"tar", "application/x-tar"},
	{"tgz", "application/gzip"},
	{"tif", "image/tiff"},
	{"tiff", "image/tiff"},
	{"toml", "application/toml"},
	{"ts", "video/mp2t"},
	{"ttf", "font/ttf"},
	{"txt", "text/plain" UTF8},
	{"vtt", "text/vtt" UTF8},
	{"wasm", "application/wasm"},
	{"wav", "audio/vnd.wave"},
	{"weba", "audio/webm"},
	{"webm", "video/webm"},
	{"webmanifest", "application/manifest+json"},
	{"webp", "image/webp"},
	{"woff", "font/woff"},
	{"woff2", "font/woff2"},
	{"xhtml", "application/xhtml+xml"},
	{"xls", "application/vnd.ms-excel"},
	{"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
	{"xml", "application/xml"},
	{"xz", "application/x-xz"},
	{"yaml", "application/yaml"},
	{"yml", "application/yaml"},
	{"zip", "application/zip"},
	{"zst", "application/zstd"},
};

/* Below, at or above 0; letters of s in any case. */
static int compare(struct span s, const char *text)
{
	size_t i = 0;
	for (; i < s.len && text[i]; i++) {
		uint8_t c = s.data[i] >= 'A' && s.data[i] <= 'Z' ? s.data[i] | 0x20 : s.data[i];
		if (c != (uint8_t)text[i])
			return c < (uint8_t)text[i] ? -1 : 1;
	}
	return i < s.len ? 1 : text[i] ? -1 : 0;
}

const char *mime_of(struct span name)
{
	size_t at = name.len;
	while (at && name.data[at - 1] != '.' && name.data[at - 1] != '/')
		at--;
	struct span ending = span_sub(name, at, name.len);
	size_t low = 0, high = sizeof(types) / sizeof(types[0]);
	if (at == 0 || name.data[at - 1] == '/')
		high = 0; /* no dot */
	while (low < high) {
		size_t middle = (low + high) / 2;
		int c = compare(ending, types[middle].ending);
		if (c == 0)
			return types[middle].type;
		if (c < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return "application/octet-stream";
}

bool mime_compresses(struct span type)
{
	static const char *const whole[] = {"application/json",
					    "application/javascript",
					    "application/xml",
					    "application/wasm",
					    "application/yaml",
					    "application/toml",
					    "application/x-javascript",
					    "application/vnd.ms-fontobject",
					    "application/rtf",
					    "application/x-ndjson",
					    "application/graphql",
					    "font/ttf",
					    "font/otf",
					    "image/bmp",
					    "image/vnd.microsoft.icon",
					    "image/x-icon"};
	struct span t = span_trim(span_sub(type, 0, span_find(type, ';')));
	if (span_equal_nocase(span_sub(t, 0, 5), span_text("text/")))
		return true;
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
		if (span_equal_nocase(t, span_text(whole[i])))
			return true;
	static const char *const ends[] = {"+json", "+xml", "+yaml"};
	for (size_t i = 0; i < 3; i++) {
		size_t n = strlen(ends[i]);
		if (t.len > n && span_equal_nocase(span_sub(t, t.len - n, n), span_text(ends[i])))
			return true;
	}
	return false;
}
