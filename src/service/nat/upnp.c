#include "base/writer.h"
#include "proto/http/http1.h"
#include "proto/upnp/soap.h"
#include "proto/upnp/ssdp.h"
#include "service/nat/upnp_inner.h"

#include <assert.h>
#include <stdio.h>

const struct upnp_service *const upnp_services[UPNP_SERVICES] = {&upnp_wan_common, &upnp_wan_ip};

const char *upnp_fault_text(enum upnp_fault fault)
{
	switch (fault) {
	case UPNP_INVALID_ACTION: return "Invalid Action";
	case UPNP_INVALID_ARGUMENTS: return "Invalid Args";
	case UPNP_NOT_AUTHORIZED: return "Action not authorized";
	case UPNP_INDEX_INVALID: return "SpecifiedArrayIndexInvalid";
	case UPNP_NO_SUCH_ENTRY: return "NoSuchEntryInArray";
	case UPNP_WILDCARD_EXTERNAL: return "WildCardNotPermittedInExtPort";
	case UPNP_CONFLICT: return "ConflictInMappingEntry";
	case UPNP_NO_MAPS: return "NoPortMapsAvailable";
	case UPNP_OTHER_MECHANISM: return "ConflictWithOtherMechanisms";
	case UPNP_NOT_FOUND: return "PortMappingNotFound";
	case UPNP_WILDCARD_INTERNAL: return "WildCardNotPermittedInIntPort";
	case UPNP_INCONSISTENT: return "InconsistentParameters";
	default: return "Action Failed";
	}
}

/* A UUID of version 4's form (RFC 4122 4.4), one for each device. */
void upnp_init(struct upnp *u, struct portctl *list, const uint8_t seed[UPNP_SEED_LEN])
{
	*u = (struct upnp){.list = list};
	for (int d = 0; d < UPNP_DEVICES; d++) {
		uint8_t b[UPNP_SEED_LEN];
		memcpy(b, seed, sizeof(b));
		b[15] = (uint8_t)(b[15] + d);
		b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
		b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
		(void)snprintf(u->uuid[d], sizeof(u->uuid[d]),
			       "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
			       "%02x%02x%02x%02x%02x%02x",
			       b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10],
			       b[11], b[12], b[13], b[14], b[15]);
	}
}

void upnp_service_type(const struct upnp_service *s, unsigned version, char ret[UPNP_TEXT_MAX])
{
	(void)snprintf(ret, UPNP_TEXT_MAX, UPNP_URN "service:%s:%u", s->name, version);
}

void upnp_device_type(enum upnp_device d, unsigned version, char ret[UPNP_TEXT_MAX])
{
	static const char *const names[UPNP_DEVICES] = {"InternetGatewayDevice", "WANDevice",
							"WANConnectionDevice"};
	(void)snprintf(ret, UPNP_TEXT_MAX, UPNP_URN "device:%s:%u", names[d], version);
}

unsigned upnp_version_of(const struct upnp_service *s, unsigned device_version)
{
	return s->version < device_version ? s->version : device_version;
}

void upnp_put(struct upnp_turn *t, const char *name, const char *value)
{
	soap_write_argument(t->out, name, span_text(value));
}

void upnp_put_number(struct upnp_turn *t, const char *name, uint64_t value)
{
	char text[24];
	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	upnp_put(t, name, text);
}

/* --- calls --- */

static const struct upnp_action *action_find(const struct upnp_service *s, unsigned version,
					     const char *name)
{
	for (size_t i = 0; i < s->actions_n; i++)
		if (s->actions[i].since <= version && strcmp(s->actions[i].name, name) == 0)
			return &s->actions[i];
	return NULL;
}

/* Every argument that goes in must be there; others are passed over (UDA 2.0 3.1.1: later versions
 * may add some). */
static bool has_arguments(const struct upnp_action *a, const struct soap_call *call)
{
	for (size_t i = 0; i < a->arguments_n; i++)
		if (!a->arguments[i].out && !soap_call_argument(call, a->arguments[i].name))
			return false;
	return true;
}

/* The version of s that the call is about; 0: none of it. */
static unsigned version_called(const struct upnp_service *s, const struct soap_call *call)
{
	char type[UPNP_TEXT_MAX];
	for (unsigned v = 1; v <= s->version; v++) {
		upnp_service_type(s, v, type);
		if (strcmp(soap_call_service(call), type) == 0)
			return v;
	}
	return 0;
}

static enum upnp_fault act(struct upnp_turn *t, const struct upnp_service *s)
{
	unsigned version = version_called(s, t->call);
	const struct upnp_action *a =
		version ? action_find(s, version, soap_call_action(t->call)) : NULL;
	if (!a)
		return UPNP_INVALID_ACTION;
	if (!has_arguments(a, t->call))
		return UPNP_INVALID_ARGUMENTS;
	return a->handle(t);
}

/* UDA 2.0 3.1.1: SOAPACTION is "type#action". That it must be there, and the type of the body with
 * it, keeps web pages out: a browser sends neither to a stranger without asking him first. */
static bool soapaction_is_right(const struct http_request *http, const struct soap_call *call)
{
	char want[2 * UPNP_TEXT_MAX];
	const struct http_field *h = http_head_find(&http->head, "SOAPACTION");
	int n = snprintf(want, sizeof(want), "\"%s#%s\"", soap_call_service(call),
			 soap_call_action(call));
	return h && n > 0 && (size_t)n < sizeof(want) && span_is(h->value, want);
}

static bool is_xml(const struct http_request *http)
{
	const struct http_field *h = http_head_find(&http->head, "Content-Type");
	struct span type =
		h ? span_trim(span_sub(h->value, 0, span_find(h->value, ';'))) : (struct span){0};
	return span_equal_nocase(type, span_text("text/xml"));
}

static unsigned call_answer(struct upnp *u, uint64_t now_ms, uint64_t salt,
			    const struct upnp_request *req, struct writer *body,
			    const struct upnp_service *s)
{
	struct soap_call call;
	if (!is_xml(req->http))
		return 415;
	if (soap_call_read(req->body, salt, &call) || !soapaction_is_right(req->http, &call))
		return 400;
	struct upnp_turn t = {u, now_ms, req, &call, body};
	soap_write_begin(body, soap_call_service(&call), soap_call_action(&call));
	enum upnp_fault fault = act(&t, s);
	soap_write_end(body, soap_call_action(&call));
	u->calls++;
	if (!fault && !body->bad)
		return 200;
	u->faults++;
	writer_rewind(body, 0);
	fault = fault ? fault : UPNP_ACTION_FAILED;
	soap_write_fault(body, (unsigned)fault, upnp_fault_text(fault));
	return 500; /* UDA 2.0 3.2.2 */
}

/* --- requests --- */

/* A web page that reached us by a name of its own (DNS rebinding) shows that name here. */
static bool host_is_ours(const struct upnp_request *req)
{
	char text[IP_ENDPOINT_TEXT_MAX];
	ip_endpoint_format(&req->local, text);
	return span_is(req->http->host, text);
}

static unsigned document(struct upnp *u, struct span path, struct writer *body)
{
	char want[UPNP_TEXT_MAX];
	for (unsigned v = 1; v <= 2; v++) {
		(void)snprintf(want, sizeof(want), "/v%u/device.xml", v);
		if (span_is(path, want)) {
			upnp_write_device(body, u, v);
			return 200;
		}
		for (size_t i = 0; i < UPNP_SERVICES; i++) {
			(void)snprintf(want, sizeof(want), "/v%u/%s.xml", v,
				       upnp_services[i]->name);
			if (span_is(path, want)) {
				upnp_write_service(body, upnp_services[i],
						   upnp_version_of(upnp_services[i], v));
				return 200;
			}
		}
	}
	return 404;
}

static unsigned answer(struct upnp *u, uint64_t now_ms, uint64_t salt,
		       const struct upnp_request *req, struct writer *body)
{
	char want[UPNP_TEXT_MAX];
	struct span method = req->http->method, target = req->http->target;
	if (!host_is_ours(req))
		return 403;
	if (span_is(method, "GET") || span_is(method, "HEAD"))
		return document(u, target, body);
	if (!span_is(method, "POST"))
		return 405;
	for (size_t i = 0; i < UPNP_SERVICES; i++) {
		(void)snprintf(want, sizeof(want), "/control/%s", upnp_services[i]->name);
		if (span_is(target, want))
			return call_answer(u, now_ms, salt, req, body, upnp_services[i]);
	}
	return 404;
}

unsigned upnp_answer(struct upnp *u, uint64_t now_ms, uint64_t salt, const struct upnp_request *req,
		     struct writer *body)
{
	unsigned status = answer(u, now_ms, salt, req, body);
	if (status != 200 && status != 500) {
		u->refused++;
		writer_rewind(body, 0);
	}
	return status;
}

/* --- discovery --- */

/* What can be found: the gateway by its role, each device by name and by type, each service by
 * type (UDA 2.0 1.2.2). */
struct thing {
	enum upnp_device device;
	const struct upnp_service *service; /* NULL: the device */
	enum { BY_ROLE, BY_NAME, BY_TYPE } by;
};

enum { THINGS = 1 + 2 * UPNP_DEVICES + UPNP_SERVICES };
static_assert((int)THINGS <= (int)UPNP_NOTICES_MAX, "");

static struct thing thing_of(size_t n)
{
	if (n == 0)
		return (struct thing){UPNP_GATEWAY, NULL, BY_ROLE};
	if (n < 1 + 2 * UPNP_DEVICES)
		return (struct thing){(enum upnp_device)((n - 1) / 2), NULL,
				      n % 2 ? BY_NAME : BY_TYPE};
	const struct upnp_service *s = upnp_services[n - 1 - 2 * UPNP_DEVICES];
	return (struct thing){s->device, s, BY_TYPE};
}

static void thing_type(const struct upnp *u, const struct thing *t, unsigned version,
		       char ret[UPNP_TEXT_MAX])
{
	if (t->by == BY_ROLE)
		(void)snprintf(ret, UPNP_TEXT_MAX, "upnp:rootdevice");
	else if (t->by == BY_NAME)
		(void)snprintf(ret, UPNP_TEXT_MAX, "uuid:%s", u->uuid[t->device]);
	else if (t->service)
		upnp_service_type(t->service, version, ret);
	else
		upnp_device_type(t->device, version, ret);
}

/* Whether target asks for it; *ret_version: as which version. */
static bool is_meant(const struct upnp *u, const struct thing *t, struct span target,
		     unsigned *ret_version)
{
	char type[UPNP_TEXT_MAX];
	unsigned highest = t->service ? t->service->version : 2;
	*ret_version = highest;
	if (target.len == 0 || span_is(target, "ssdp:all"))
		return true;
	for (unsigned v = highest; v >= 1; v--) {
		thing_type(u, t, v, type);
		if (span_is(target, type)) {
			*ret_version = v;
			return true;
		}
	}
	return false;
}

bool upnp_notice(const struct upnp *u, struct span target, size_t n, const struct ip_address *local,
		 struct upnp_notice *ret)
{
	unsigned version;
	for (size_t i = 0; i < THINGS; i++) {
		struct thing t = thing_of(i);
		if (!is_meant(u, &t, target, &version) || n-- != 0)
			continue;
		/* Who asks for version 1 of what has a version 2 is shown a gateway of version 1.
		 */
		bool old = t.by == BY_TYPE && version < (t.service ? t.service->version : 2);
		struct ip_endpoint at = {.address = *local, .port = u->http_port};
		char host[IP_ENDPOINT_TEXT_MAX];
		ip_endpoint_format(&at, host);
		thing_type(u, &t, version, ret->type);
		(void)snprintf(ret->usn, sizeof(ret->usn),
			       t.by == BY_NAME ? "uuid:%s" : "uuid:%s::%s", u->uuid[t.device],
			       ret->type);
		(void)snprintf(ret->location, sizeof(ret->location), "http://%s/v%d/device.xml",
			       host, old ? 1 : 2);
		return true;
	}
	return false;
}

struct ssdp_notice upnp_ssdp(const struct upnp *u, const struct upnp_notice *n)
{
	return (struct ssdp_notice){.type = n->type,
				    .usn = n->usn,
				    .location = n->location,
				    .server = "Linux UPnP/2.0 gatehouse/1",
				    .max_age_s = UPNP_MAX_AGE_S,
				    .boot_id = u->boot_id,
				    .config_id = 1};
}
