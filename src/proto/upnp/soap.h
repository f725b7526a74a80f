/* The SOAP 1.1 of UPnP (UPnP Device Architecture 2.0, 3): one call read, its answer or fault
 * written. Knows no service and no action; XML is read by expat, which nobody else sees. */
#ifndef PROTO_UPNP_SOAP_H
#define PROTO_UPNP_SOAP_H

#include "base/err.h"
#include "base/span.h"

struct writer;

enum {
	SOAP_BODY_MAX = 8192,
	SOAP_ARGUMENTS_MAX = 16,
	SOAP_TEXT_MAX = 2048, /* names and values of a call, with their NULs */
};

/* Texts with NUL, none inside; UTF-8 that XML allows. */
struct soap_argument {
	uint16_t name, value; /* places in text */
};

struct soap_call {
	uint16_t service, action; /* places in text: the namespace of the action, and its name */
	struct soap_argument arguments[SOAP_ARGUMENTS_MAX];
	size_t arguments_n;
	char text[SOAP_TEXT_MAX];
	size_t text_len;
};

/* The body of an HTTP request as UTF-8. Refused: what is longer than SOAP_BODY_MAX, a document type
 * (so no entity but XML's own five is ever expanded), processing instructions, elements inside of
 * arguments, an argument twice. salt: random, not 0, against chosen collisions. The library takes
 * memory in proportion to the body and gives it back before this returns. ERR_FORMAT, ERR_LIMIT,
 * ENOMEM. */
MUST enum err soap_call_read(struct span body, uint64_t salt, struct soap_call *ret);

const char *soap_call_service(const struct soap_call *c);
const char *soap_call_action(const struct soap_call *c);
/* NULL: the call has none of that name. */
const char *soap_call_argument(const struct soap_call *c, const char *name);

/* `&`, `<` and the like as references; octets that XML does not allow as question marks. */
void xml_write_text(struct writer *w, struct span text);

/* An answer: begin, its arguments in the order of the service's description, end. */
void soap_write_begin(struct writer *w, const char *service, const char *action);
void soap_write_argument(struct writer *w, const char *name, struct span value);
void soap_write_end(struct writer *w, const char *action);

/* UDA 2.0 3.2.2; it goes with HTTP status 500. */
void soap_write_fault(struct writer *w, unsigned code, const char *description);

#endif
