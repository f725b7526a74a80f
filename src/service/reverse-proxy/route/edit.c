#include "service/reverse-proxy/route/edit.h"

#include "base/decimal.h"
#include "base/writer.h"
#include "proto/http/token.h"
#include "service/reverse-proxy/route/route.h"

static const struct {
	const char *name;
	enum edit_variable kind;
} variables[] = {
	{"client", EDIT_CLIENT}, {"client-port", EDIT_CLIENT_PORT},
	{"host", EDIT_HOST},	 {"scheme", EDIT_SCHEME},
	{"method", EDIT_METHOD}, {"path", EDIT_PATH},
	{"query", EDIT_QUERY},	 {"tls", EDIT_TLS},
	{"request-id", EDIT_ID}, {"server", EDIT_SERVER},
	{"user", EDIT_USER},	 {"client-certificate", EDIT_CERTIFICATE},
};

static enum edit_variable variable_of(struct span name)
{
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		if (span_is(name, variables[i].name))
			return variables[i].kind;
	return EDIT_CAPTURE;
}

bool edit_is_variable(struct span name)
{
	return variable_of(name) != EDIT_CAPTURE;
}

static enum err add(struct edit_text *t, enum edit_variable kind, struct span text)
{
	if (kind == EDIT_LITERAL && text.len == 0)
		return OK;
	if (t->pieces_n == EDIT_PIECES_MAX)
		return ERR_FORMAT;
	t->pieces[t->pieces_n++] = (struct edit_piece){kind, text};
	return OK;
}

enum err edit_text_parse(const char *text, bool captures, struct edit_text *ret)
{
	struct edit_text t = {0};
	struct span rest = span_text(text);
	while (rest.len) {
		size_t open = span_find(rest, '{');
		/* "{{": the literal takes the first of the two. */
		bool escaped = open + 1 < rest.len && rest.data[open + 1] == '{';
		TRY(add(&t, EDIT_LITERAL, span_sub(rest, 0, open + escaped)));
		rest = span_sub(rest, open + 1 + escaped, rest.len);
		if (escaped || rest.len == 0)
			continue;
		size_t close = span_find(rest, '}');
		struct span name = span_sub(rest, 0, close);
		if (close == rest.len || name.len == 0)
			return ERR_FORMAT;
		enum edit_variable kind = variable_of(name);
		if (kind == EDIT_CAPTURE && !captures)
			return ERR_FORMAT;
		TRY(add(&t, kind, name));
		rest = span_sub(rest, close + 1, rest.len);
	}
	/* An open brace at the very end. */
	size_t len = strlen(text);
	if (len && text[len - 1] == '{' && !(len > 1 && text[len - 2] == '{'))
		return ERR_FORMAT;
	*ret = t;
	return OK;
}

static struct span span_for(const struct edit_piece *p, const struct edit_values *v)
{
	struct span found = {0};
	switch (p->kind) {
	case EDIT_LITERAL: return p->text;
	case EDIT_HOST: return v->host;
	case EDIT_SCHEME: return v->scheme;
	case EDIT_METHOD: return v->method;
	case EDIT_PATH: return v->path;
	case EDIT_QUERY: return v->query;
	case EDIT_TLS: return v->tls;
	case EDIT_ID: return v->id;
	case EDIT_SERVER: return v->server;
	case EDIT_USER: return v->user;
	case EDIT_CERTIFICATE: return v->client_certificate;
	case EDIT_CAPTURE:
		if (v->found)
			(void)route_capture(v->found, p->text, &found);
		return found;
	default: return found;
	}
}

void edit_text_write(const struct edit_text *t, const struct edit_values *v, struct writer *w)
{
	for (size_t i = 0; i < t->pieces_n; i++) {
		const struct edit_piece *p = &t->pieces[i];
		if (p->kind == EDIT_CLIENT)
			ip_address_write(w, &v->client.address);
		else if (p->kind == EDIT_CLIENT_PORT)
			write_decimal(w, v->client.port);
		else
			write_span(w, span_for(p, v));
	}
}

const char *edit_name_wrong(const char *name)
{
	/* RFC 9110 7.6.1 and what the core writes anew for each connection. */
	static const char *const ours[] = {
		"connection", "content-length", "transfer-encoding", "host",   "upgrade", "te",
		"trailer",    "keep-alive",	"proxy-connection",  "expect",
	};
	if (!http_is_token(span_text(name)))
		return "it is no name of a field";
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (span_equal_nocase(span_text(name), span_text(ours[i])))
			return "the proxy itself writes this field";
	return NULL;
}
