#include "service/reverse-proxy/io_acme_https.h"

#include "proto/http/http1.h"

enum { ADDRESS_MS = 8000 };

static void answered(void *arg, const struct fetch_answer *in, enum err why)
{
	const struct acme_https *h = arg;
	struct acme_field fields[HTTP_HEADERS_MAX];
	struct acme_answer answer = {.fields = fields};
	if (!in) {
		h->done(h->arg, NULL, why);
		return;
	}
	const struct http_head *head = &in->response->head;
	answer.status = in->response->status;
	answer.body = in->body;
	for (size_t i = 0; i < head->headers_n; i++)
		fields[answer.fields_n++] =
			(struct acme_field){head->headers[i].name, head->headers[i].value};
	h->done(h->arg, &answer, OK);
}

enum err acme_https_ask(struct acme_https *h, struct fetch_resolvers resolvers,
			const struct acme_request *request)
{
	const struct fetch_question q = {.method = request->method,
					 .url = request->url,
					 /* RFC 8555 6.1: a User-Agent that names the client. */
					 .agent = "gatehouse (ACME)",
					 .fields = span_text("Accept-Language: en\r\n"),
					 .type = request->type,
					 .body = request->body,
					 .resolvers = resolvers,
					 .total_ms = ACME_HTTPS_MS,
					 .address_ms = ADDRESS_MS,
					 .idle_ms = ACME_HTTPS_MS,
					 .body_max = ACME_ANSWER_MAX};
	if (strncmp(request->url, "https://", strlen("https://")) != 0)
		return ERR_FORMAT;
	return fetch_ask(&h->fetch, &q);
}

void acme_https_init(struct acme_https *h, struct loop *loop, acme_https_done *done, void *arg)
{
	*h = (struct acme_https){.done = done, .arg = arg};
	fetch_init(&h->fetch, loop, answered, h);
}
