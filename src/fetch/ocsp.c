#include "fetch/ocsp.h"

#include "base/writer.h"
#include "fetch/fetch.h"
#include "proto/dns/text.h"
#include "proto/http/http1.h"

enum {
	GET_MAX = 255,	       /* RFC 5019 5: longer questions are no GET */
	ANSWER_MAX = 24 << 10, /* of a body that is looked at */
};

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

/* From the slash behind the host on. */
static struct span path_of(struct span url)
{
	size_t colon = span_find(url, ':');
	struct span rest = span_sub(url, colon + 3, url.len); /* behind "://" */
	return span_sub(rest, span_find(rest, '/'), rest.len);
}

static enum err write_url(struct span server, struct span question, char ret[OCSP_URL_MAX],
			  bool *ret_get)
{
	uint8_t room[GET_MAX];
	struct span text = question_text(question, room, sizeof(room)), path = path_of(server);
	size_t path_len = path.len ? path.len : 1;
	struct writer w = writer_of(ret, OCSP_URL_MAX - 1);
	bool get = text.len && path_len + 1 + text.len <= GET_MAX;
	write_span(&w, server);
	if (get && (!path.len || path.data[path.len - 1] != '/'))
		write_u8(&w, '/');
	if (get)
		write_span(&w, text);
	TRY(writer_check(&w));
	ret[w.pos] = '\0';
	*ret_get = get;
	return OK;
}

enum err ocsp_question(struct span server, struct span question, char url[OCSP_URL_MAX],
		       struct fetch_question *ret)
{
	bool get;
	TRY(write_url(server, question, url, &get));
	ret->method = get ? "GET" : "POST";
	ret->url = url;
	ret->agent = "gatehouse-ocsp";
	ret->fields = span_text("Accept: application/ocsp-response\r\n");
	ret->type = get ? NULL : "application/ocsp-request";
	ret->body = get ? (struct span){0} : question;
	ret->body_max = ANSWER_MAX;
	ret->only_200 = ret->every_address = true;
	return OK;
}
