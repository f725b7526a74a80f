#include "service/reverse-proxy/ocsp.h"

#include "base/writer.h"
#include "proto/dns/text.h"
#include "proto/http/uri.h"
#include "proto/http/whole.h"

enum { GET_MAX = 255, PORT = 80 }; /* RFC 5019 5: longer questions are no GET */

enum err ocsp_server_read(struct span url, struct ocsp_server *ret)
{
	static const char scheme[] = "http://";
	struct ocsp_server s = {.port = PORT};
	struct span host;
	uint16_t port = 0;
	uint8_t room[OCSP_HOST_MAX];
	struct writer w = writer_of(room, sizeof(room));
	size_t len = strlen(scheme);
	if (!span_equal_nocase(span_sub(url, 0, len), span_text(scheme)))
		return ERR_UNSUPPORTED;
	url = span_sub(url, len, url.len);
	for (size_t i = 0; i < url.len; i++)
		if (url.data[i] <= ' ' || url.data[i] >= 0x7f)
			return ERR_FORMAT;
	s.authority = span_sub(url, 0, span_find(url, '/'));
	s.path = span_sub(url, s.authority.len, url.len);
	TRY(uri_host_normal(s.authority, &w, &host, &port));
	if (host.len > 2 && host.data[0] == '[')
		host = span_sub(host, 1, host.len - 2);
	if (!span_to_cstr(host, s.host, sizeof(s.host)))
		return ERR_FORMAT;
	s.port = port ? port : PORT;
	*ret = s;
	return OK;
}

/* Base64 and its escapes: "+", "/" and "=" are none of RFC 3986's unreserved octets. */
static struct span question_text(struct span question, uint8_t *room, size_t size)
{
	uint8_t plain[GET_MAX];
	struct writer text = writer_of(plain, sizeof(plain)), w = writer_of(room, size);
	dns_text_base64_write(question, &text);
	if (text.bad)
		return (struct span){0};
	http_percent_encode(&w, writer_span(&text));
	return w.bad ? (struct span){0} : writer_span(&w);
}

void ocsp_write(struct writer *w, const struct ocsp_server *to, struct span question)
{
	uint8_t room[GET_MAX];
	struct span text = question_text(question, room, sizeof(room));
	struct span path = to->path.len ? to->path : span_text("/");
	bool get = text.len && path.len + 1 + text.len <= GET_MAX;
	write_text(w, get ? "GET " : "POST ");
	write_span(w, path);
	if (get && path.data[path.len - 1] != '/')
		write_u8(w, '/');
	write_span(w, get ? text : (struct span){0});
	write_text(w, " HTTP/1.1\r\n");
	http_write_header(w, "Host", to->authority);
	write_text(w, "User-Agent: gatehouse-ocsp\r\nAccept: application/ocsp-response\r\n"
		      "Connection: close\r\n");
	if (!get)
		write_format(w, "Content-Type: application/ocsp-request\r\nContent-Length: %zu\r\n",
			     question.len);
	write_text(w, "\r\n");
	if (!get)
		write_span(w, question);
}

enum parse ocsp_read(uint8_t *in, size_t len, bool end, struct span *ret)
{
	struct http_response r;
	struct span body = {0};
	bool last = end || len >= OCSP_ANSWER_MAX;
	enum parse p = http_response_whole(in, len, end, span_text("GET"), &r, &body);
	if (p != PARSE_BAD && r.head.len && r.status != 200)
		return PARSE_BAD;
	if (p == PARSE_DONE && body.len == 0)
		return PARSE_BAD;
	if (p == PARSE_DONE)
		*ret = body;
	return p == PARSE_MORE && last ? PARSE_BAD : p;
}
