#include "proto/upnp/soap.h"

#include "base/writer.h"

#include <expat.h>
#include <string.h>

#define ENVELOPE_NS  "http://schemas.xmlsoap.org/soap/envelope/"
#define ENCODING_NS  "http://schemas.xmlsoap.org/soap/encoding/"
#define NS_SEPARATOR '\n' /* in no name of XML */

/* How deep an element lies. */
enum { ENVELOPE, BODY, ACTION, ARGUMENT };

struct reading {
	XML_Parser parser;
	struct soap_call *call;
	unsigned depth;	   /* elements that are open */
	unsigned skip;	   /* 1 + depth of a Header that is passed over; 0: none */
	bool body, action; /* were there */
	enum err err;
};

static void refuse(struct reading *r, enum err e)
{
	if (!r->err)
		r->err = e;
	(void)XML_StopParser(r->parser, XML_FALSE);
}

/* Adds len octets, and leaves room for a NUL. */
static void text_add(struct reading *r, const char *text, size_t len)
{
	struct soap_call *c = r->call;
	if (len >= SOAP_TEXT_MAX - c->text_len) {
		refuse(r, ERR_LIMIT);
		return;
	}
	if (len)
		memcpy(c->text + c->text_len, text, len);
	c->text_len += len;
}

static void text_end(struct reading *r)
{
	if (r->call->text_len == SOAP_TEXT_MAX)
		refuse(r, ERR_LIMIT);
	else
		r->call->text[r->call->text_len++] = 0;
}

static uint16_t text_copy(struct reading *r, struct span s)
{
	uint16_t at = (uint16_t)r->call->text_len;
	text_add(r, (const char *)s.data, s.len);
	text_end(r);
	return at;
}

/* "namespace\nlocal"; without a namespace only "local". */
static void name_split(const char *name, struct span *ret_ns, struct span *ret_local)
{
	const char *at = strrchr(name, NS_SEPARATOR);
	*ret_ns = at ? span_of(name, (size_t)(at - name)) : (struct span){0};
	*ret_local = span_text(at ? at + 1 : name);
}

static void argument_begin(struct reading *r, struct span local)
{
	struct soap_call *c = r->call;
	for (size_t i = 0; i < c->arguments_n; i++)
		if (span_is(local, c->text + c->arguments[i].name)) {
			refuse(r, ERR_FORMAT);
			return;
		}
	if (c->arguments_n == SOAP_ARGUMENTS_MAX) {
		refuse(r, ERR_LIMIT);
		return;
	}
	uint16_t name = text_copy(r, local);
	c->arguments[c->arguments_n++] = (struct soap_argument){name, (uint16_t)c->text_len};
}

/* Whether this element may stand here; a Header is passed over with all in it. */
static bool is_right_here(struct reading *r, struct span ns, struct span local)
{
	bool soap = span_is(ns, ENVELOPE_NS);
	switch (r->depth) {
	case ENVELOPE: return soap && span_is(local, "Envelope");
	case BODY:
		if (!soap || r->body)
			return false;
		r->body = span_is(local, "Body");
		r->skip = r->body ? 0 : 1 + r->depth;
		return r->body || span_is(local, "Header");
	case ACTION:
		if (r->action || !ns.len)
			return false;
		r->action = true;
		return true;
	default: return r->depth == ARGUMENT;
	}
}

static void on_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	struct reading *r = arg;
	struct span ns, local;
	(void)attributes;
	if (r->err)
		return; /* expat tells a little more after XML_StopParser */
	name_split(name, &ns, &local);
	if (!r->skip && !is_right_here(r, ns, local)) {
		refuse(r, ERR_FORMAT);
		return;
	}
	if (!r->skip && r->depth == ACTION) {
		r->call->service = text_copy(r, ns);
		r->call->action = text_copy(r, local);
	} else if (!r->skip && r->depth == ARGUMENT) {
		argument_begin(r, local);
	}
	r->depth++;
}

static void on_end(void *arg, const XML_Char *name)
{
	struct reading *r = arg;
	(void)name;
	if (r->err)
		return;
	r->depth--;
	if (r->skip == 1 + r->depth)
		r->skip = 0;
	else if (!r->skip && r->depth == ARGUMENT)
		text_end(r);
}

static void on_text(void *arg, const XML_Char *text, int len)
{
	struct reading *r = arg;
	if (!r->skip && !r->err && r->depth == ARGUMENT + 1 && len > 0)
		text_add(r, text, (size_t)len);
}

static void on_doctype(void *arg, const XML_Char *name, const XML_Char *system,
		       const XML_Char *public, int has_internal)
{
	(void)name, (void)system, (void)public, (void)has_internal;
	refuse(arg, ERR_FORMAT);
}

static void on_instruction(void *arg, const XML_Char *target, const XML_Char *data)
{
	(void)target, (void)data;
	refuse(arg, ERR_FORMAT);
}

static enum err parse(struct reading *r, struct span body)
{
	XML_SetUserData(r->parser, r);
	XML_SetElementHandler(r->parser, on_start, on_end);
	XML_SetCharacterDataHandler(r->parser, on_text);
	XML_SetStartDoctypeDeclHandler(r->parser, on_doctype);
	XML_SetProcessingInstructionHandler(r->parser, on_instruction);
	enum XML_Status status =
		XML_Parse(r->parser, (const char *)body.data, (int)body.len, XML_TRUE);
	if (r->err)
		return r->err;
	if (status == XML_STATUS_OK)
		return r->action ? OK : ERR_FORMAT;
	return XML_GetErrorCode(r->parser) == XML_ERROR_NO_MEMORY ? (enum err)ENOMEM : ERR_FORMAT;
}

enum err soap_call_read(struct span body, uint64_t salt, struct soap_call *ret)
{
	struct soap_call call = {0};
	struct reading r = {.call = &call};
	if (body.len > SOAP_BODY_MAX)
		return ERR_LIMIT;
	r.parser = XML_ParserCreateNS("UTF-8", NS_SEPARATOR);
	if (!r.parser)
		return (enum err)ENOMEM;
	XML_SetHashSalt(r.parser, (unsigned long)salt);
	enum err e = parse(&r, body);
	XML_ParserFree(r.parser);
	if (!e)
		*ret = call;
	return e;
}

const char *soap_call_service(const struct soap_call *c)
{
	return c->text + c->service;
}

const char *soap_call_action(const struct soap_call *c)
{
	return c->text + c->action;
}

const char *soap_call_argument(const struct soap_call *c, const char *name)
{
	for (size_t i = 0; i < c->arguments_n; i++)
		if (strcmp(c->text + c->arguments[i].name, name) == 0)
			return c->text + c->arguments[i].value;
	return NULL;
}

/* --- writing --- */

void xml_write_text(struct writer *w, struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		if (c == '&')
			write_text(w, "&amp;");
		else if (c == '<')
			write_text(w, "&lt;");
		else if (c == '>')
			write_text(w, "&gt;");
		else if (c == '"')
			write_text(w, "&quot;");
		else if (c < 0x20 && c != '\t' && c != '\n' && c != '\r')
			write_u8(w, '?');
		else
			write_u8(w, c);
	}
}

static void write_envelope(struct writer *w)
{
	write_text(w, "<?xml version=\"1.0\"?>\n<s:Envelope xmlns:s=\"" ENVELOPE_NS
		      "\" s:encodingStyle=\"" ENCODING_NS "\"><s:Body>");
}

void soap_write_begin(struct writer *w, const char *service, const char *action)
{
	write_envelope(w);
	write_format(w, "<u:%sResponse xmlns:u=\"%s\">", action, service);
}

void soap_write_argument(struct writer *w, const char *name, struct span value)
{
	write_format(w, "<%s>", name);
	xml_write_text(w, value);
	write_format(w, "</%s>", name);
}

void soap_write_end(struct writer *w, const char *action)
{
	write_format(w, "</u:%sResponse></s:Body></s:Envelope>\n", action);
}

void soap_write_fault(struct writer *w, unsigned code, const char *description)
{
	write_envelope(w);
	write_format(w,
		     "<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring>"
		     "<detail><UPnPError xmlns=\"urn:schemas-upnp-org:control-1-0\"><errorCode>%u"
		     "</errorCode><errorDescription>%s</errorDescription></UPnPError></detail>"
		     "</s:Fault></s:Body></s:Envelope>\n",
		     code, description);
}
