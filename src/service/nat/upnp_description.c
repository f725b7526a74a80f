/* The device and its services as XML (UPnP Device Architecture 2.0, 2), from the tables. */
#include "base/writer.h"
#include "proto/upnp/soap.h"
#include "service/nat/upnp_inner.h"

static void write_element(struct writer *w, const char *name, const char *value)
{
	write_format(w, "<%s>", name);
	xml_write_text(w, span_text(value));
	write_format(w, "</%s>", name);
}

static void write_begin(struct writer *w, const char *root)
{
	write_format(w,
		     "<?xml version=\"1.0\"?>\n<%s xmlns=\"" UPNP_URN "%s-1-0\">"
		     "<specVersion><major>1</major><minor>1</minor></specVersion>",
		     root, strcmp(root, "root") == 0 ? "device" : "service");
}

static void write_service_entry(struct writer *w, const struct upnp_service *s, unsigned version)
{
	char text[UPNP_TEXT_MAX];
	write_text(w, "<service>");
	upnp_service_type(s, upnp_version_of(s, version), text);
	write_element(w, "serviceType", text);
	write_element(w, "serviceId", s->id);
	write_format(w, "<SCPDURL>/v%u/%s.xml</SCPDURL>", version, s->name);
	write_format(w, "<controlURL>/control/%s</controlURL>", s->name);
	/* UDA 2.0 2.3: empty where nothing is evented. */
	write_text(w, "<eventSubURL></eventSubURL></service>");
}

static void write_services(struct writer *w, enum upnp_device d, unsigned version)
{
	bool any = false;
	for (size_t i = 0; i < UPNP_SERVICES; i++) {
		if (upnp_services[i]->device != d)
			continue;
		if (!any)
			write_text(w, "<serviceList>");
		any = true;
		write_service_entry(w, upnp_services[i], version);
	}
	if (any)
		write_text(w, "</serviceList>");
}

void upnp_write_device(struct writer *w, const struct upnp *u, unsigned version)
{
	static const char *const names[UPNP_DEVICES] = {"gatehouse", "WAN", "WAN connection"};
	char text[UPNP_TEXT_MAX];
	write_begin(w, "root");
	for (int d = 0; d < UPNP_DEVICES; d++) { /* each lies in the one before it */
		if (d)
			write_text(w, "<deviceList>");
		write_text(w, "<device>");
		upnp_device_type((enum upnp_device)d, version, text);
		write_element(w, "deviceType", text);
		write_element(w, "friendlyName", names[d]);
		write_element(w, "manufacturer", "gatehouse");
		write_element(w, "modelDescription", "Internet gateway");
		write_element(w, "modelName", "gatehouse");
		write_element(w, "modelNumber", "1");
		write_format(w, "<UDN>uuid:%s</UDN>", u->uuid[d]);
		write_services(w, (enum upnp_device)d, version);
	}
	for (int d = 0; d < UPNP_DEVICES; d++)
		write_text(w, d < UPNP_DEVICES - 1 ? "</device></deviceList>" : "</device>");
	write_text(w, "</root>\n");
}

static void write_action(struct writer *w, const struct upnp_action *a)
{
	write_text(w, "<action>");
	write_element(w, "name", a->name);
	if (a->arguments_n)
		write_text(w, "<argumentList>");
	for (size_t i = 0; i < a->arguments_n; i++) {
		write_text(w, "<argument>");
		write_element(w, "name", a->arguments[i].name);
		write_element(w, "direction", a->arguments[i].out ? "out" : "in");
		write_element(w, "relatedStateVariable", a->arguments[i].variable);
		write_text(w, "</argument>");
	}
	if (a->arguments_n)
		write_text(w, "</argumentList>");
	write_text(w, "</action>");
}

/* Whether an action of that version names it. */
static bool is_used(const struct upnp_service *s, unsigned version, const char *variable)
{
	for (size_t i = 0; i < s->actions_n; i++) {
		const struct upnp_action *a = &s->actions[i];
		for (size_t k = 0; a->since <= version && k < a->arguments_n; k++)
			if (strcmp(a->arguments[k].variable, variable) == 0)
				return true;
	}
	return false;
}

static void write_variable(struct writer *w, const struct upnp_variable *v)
{
	write_text(w, "<stateVariable sendEvents=\"no\">");
	write_element(w, "name", v->name);
	write_element(w, "dataType", v->type);
	if (v->allowed)
		write_text(w, "<allowedValueList>");
	for (size_t i = 0; v->allowed && v->allowed[i]; i++)
		write_element(w, "allowedValue", v->allowed[i]);
	if (v->allowed)
		write_text(w, "</allowedValueList>");
	write_text(w, "</stateVariable>");
}

void upnp_write_service(struct writer *w, const struct upnp_service *s, unsigned version)
{
	write_begin(w, "scpd");
	write_text(w, "<actionList>");
	for (size_t i = 0; i < s->actions_n; i++)
		if (s->actions[i].since <= version)
			write_action(w, &s->actions[i]);
	write_text(w, "</actionList><serviceStateTable>");
	for (size_t i = 0; i < s->variables_n; i++)
		if (is_used(s, version, s->variables[i].name))
			write_variable(w, &s->variables[i]);
	write_text(w, "</serviceStateTable></scpd>\n");
}
