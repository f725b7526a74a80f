/* The UPnP device's services as tables, of which descriptions and dispatch are made. Nobody but the
 * device's own files includes this. */
#ifndef NAT_UPNP_INNER_H
#define NAT_UPNP_INNER_H

#include "service/nat/upnp.h"

struct soap_call;

#define UPNP_URN "urn:schemas-upnp-org:"

/* Codes of UDA 2.0 3.2.2 and of WANIPConnection:2 2.5. */
enum upnp_fault {
	UPNP_OK = 0,
	UPNP_INVALID_ACTION = 401,
	UPNP_INVALID_ARGUMENTS = 402,
	UPNP_ACTION_FAILED = 501,
	UPNP_NOT_AUTHORIZED = 606,
	UPNP_INDEX_INVALID = 713,
	UPNP_NO_SUCH_ENTRY = 714,
	UPNP_WILDCARD_EXTERNAL = 716,
	UPNP_CONFLICT = 718,
	UPNP_NO_MAPS = 728,
	UPNP_OTHER_MECHANISM = 729,
	UPNP_NOT_FOUND = 730,
	UPNP_WILDCARD_INTERNAL = 732,
	UPNP_INCONSISTENT = 733,
};
const char *upnp_fault_text(enum upnp_fault fault);

/* One call on its way through its handler. */
struct upnp_turn {
	struct upnp *upnp;
	uint64_t now_ms;
	const struct upnp_request *request;
	const struct soap_call *call;
	struct writer *out; /* arguments of the answer */
};

struct upnp_argument {
	const char *name;
	bool out;
	const char *variable;
};

struct upnp_action {
	const char *name;
	unsigned since; /* version of the service */
	const struct upnp_argument *arguments;
	size_t arguments_n;
	enum upnp_fault (*handle)(struct upnp_turn *t);
};

struct upnp_variable {
	const char *name, *type;
	const char *const *allowed; /* ends with NULL; NULL: all */
};

struct upnp_service {
	const char *name; /* "WANIPConnection" */
	unsigned version; /* the highest; all from 1 on are served */
	const char *id;
	enum upnp_device device;
	const struct upnp_action *actions;
	size_t actions_n;
	const struct upnp_variable *variables;
	size_t variables_n;
};

enum { UPNP_SERVICES = 2 };
extern const struct upnp_service *const upnp_services[UPNP_SERVICES];
extern const struct upnp_service upnp_wan_common, upnp_wan_ip;

/* "urn:schemas-upnp-org:service:WANIPConnection:2" */
void upnp_service_type(const struct upnp_service *s, unsigned version, char ret[UPNP_TEXT_MAX]);
void upnp_device_type(enum upnp_device d, unsigned version, char ret[UPNP_TEXT_MAX]);
/* The version that the parts of our device have where it is described as version 1 or 2. */
unsigned upnp_version_of(const struct upnp_service *s, unsigned device_version);

void upnp_write_device(struct writer *w, const struct upnp *u, unsigned version);
void upnp_write_service(struct writer *w, const struct upnp_service *s, unsigned version);

/* A value of the answer. */
void upnp_put(struct upnp_turn *t, const char *name, const char *value);
void upnp_put_number(struct upnp_turn *t, const char *name, uint64_t value);

#endif
