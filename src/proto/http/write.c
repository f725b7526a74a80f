/* The parts of a message on its way out, and texts: reasons, faults, percent-encoding. */
#include "base/writer.h"
#include "proto/http/http1.h"
#include "proto/http/token.h"

const char *http_fault_text(enum http_fault fault)
{
	static const char *const texts[HTTP_FAULTS] = {
		[HTTP_FAULT_NONE] = "no fault",
		[HTTP_FAULT_REQUEST_LINE] = "the request line is not METHOD TARGET VERSION",
		[HTTP_FAULT_METHOD] = "the method is no token",
		[HTTP_FAULT_TARGET] = "the request target is not one that the method allows",
		[HTTP_FAULT_VERSION] = "the version is not HTTP/1.0 or HTTP/1.1",
		[HTTP_FAULT_STATUS_LINE] = "the status line is not VERSION STATUS REASON",
		[HTTP_FAULT_LINE_END] = "a line ends in a bare CR or a bare LF",
		[HTTP_FAULT_FOLD] = "a header field is folded over lines",
		[HTTP_FAULT_FIELD_NAME] = "a header field's name is no token",
		[HTTP_FAULT_FIELD_VALUE] = "a header field's value has a control byte",
		[HTTP_FAULT_HOST] = "there is not exactly one valid Host",
		[HTTP_FAULT_LENGTH] = "Content-Length is not one plain number",
		[HTTP_FAULT_CODING] = "Transfer-Encoding is not one \"chunked\"",
		[HTTP_FAULT_LENGTH_AND_CODING] =
			"Content-Length and Transfer-Encoding stand together",
		[HTTP_FAULT_TOO_LARGE] = "the header section is too large",
		[HTTP_FAULT_CHUNK] = "a chunk is not in the expected form",
	};
	return (unsigned)fault < HTTP_FAULTS ? texts[fault] : "unknown fault";
}

const char *http_reason(unsigned status)
{
	static const struct {
		unsigned status;
		const char *reason;
	} reasons[] = {
		{100, "Continue"},
		{101, "Switching Protocols"},
		{200, "OK"},
		{201, "Created"},
		{202, "Accepted"},
		{203, "Non-Authoritative Information"},
		{204, "No Content"},
		{205, "Reset Content"},
		{206, "Partial Content"},
		{300, "Multiple Choices"},
		{301, "Moved Permanently"},
		{302, "Found"},
		{303, "See Other"},
		{304, "Not Modified"},
		{307, "Temporary Redirect"},
		{308, "Permanent Redirect"},
		{400, "Bad Request"},
		{401, "Unauthorized"},
		{402, "Payment Required"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{406, "Not Acceptable"},
		{407, "Proxy Authentication Required"},
		{408, "Request Timeout"},
		{409, "Conflict"},
		{410, "Gone"},
		{411, "Length Required"},
		{412, "Precondition Failed"},
		{413, "Content Too Large"},
		{414, "URI Too Long"},
		{415, "Unsupported Media Type"},
		{416, "Range Not Satisfiable"},
		{417, "Expectation Failed"},
		{421, "Misdirected Request"},
		{422, "Unprocessable Content"},
		{426, "Upgrade Required"},
		{429, "Too Many Requests"},
		{431, "Request Header Fields Too Large"},
		{451, "Unavailable For Legal Reasons"}, /* RFC 7725 */
		{500, "Internal Server Error"},
		{501, "Not Implemented"},
		{502, "Bad Gateway"},
		{503, "Service Unavailable"},
		{504, "Gateway Timeout"},
		{505, "HTTP Version Not Supported"},
		{511, "Network Authentication Required"}, /* RFC 6585 */
	};
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Unknown";
}

void http_write_status(struct writer *w, unsigned status)
{
	ASSERT(status >= 100 && status <= 999);
	write_format(w, "HTTP/1.1 %u %s\r\n", status, http_reason(status));
}

void http_write_header(struct writer *w, const char *name, struct span value)
{
	if (!http_is_token(span_text(name)) || !http_is_field_value(value)) {
		w->bad = true;
		return;
	}
	write_text(w, name);
	write_text(w, ": ");
	write_span(w, value);
	write_text(w, "\r\n");
}

void http_target_split(struct span target, struct span *ret_path, struct span *ret_query)
{
	size_t mark = span_find(target, '?');
	*ret_path = span_sub(target, 0, mark);
	*ret_query = span_sub(target, mark + 1, target.len);
}

static int hex_value(uint8_t c)
{
	const char *digits = "0123456789abcdef";
	uint8_t low = c >= 'A' && c <= 'F' ? (uint8_t)(c + 32) : c;
	const char *at = c ? strchr(digits, low) : NULL;
	return at ? (int)(at - digits) : -1;
}

bool http_percent_decode(struct span in, bool form, char *buf, size_t size)
{
	size_t n = 0;
	for (size_t i = 0; i < in.len; i++) {
		uint8_t c = in.data[i];
		if (c == '%') {
			int high = i + 2 < in.len ? hex_value(in.data[i + 1]) : -1;
			int low = i + 2 < in.len ? hex_value(in.data[i + 2]) : -1;
			if (high < 0 || low < 0)
				return false;
			c = (uint8_t)(high << 4 | low);
			i += 2;
		} else if (c == '+' && form) {
			c = ' ';
		}
		if (c == 0 || n + 1 >= size)
			return false;
		buf[n++] = (char)c;
	}
	if (n >= size)
		return false;
	buf[n] = '\0';
	return true;
}

void http_percent_encode(struct writer *w, struct span in)
{
	for (size_t i = 0; i < in.len; i++) {
		uint8_t c = in.data[i];
		bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			     (c >= 'A' && c <= 'Z') || (c && strchr("-._~", c));
		if (plain)
			write_u8(w, c);
		else
			write_format(w, "%%%02X", c);
	}
}
