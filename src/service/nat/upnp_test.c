#include "service/nat/upnp.h"

#include "base/writer.h"
#include "proto/http/http1.h"
#include "proto/upnp/soap.h"
#include "proto/upnp/ssdp.h"
#include "service/nat/ports_world_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define IP_CONNECTION "urn:schemas-upnp-org:service:WANIPConnection:"

struct stage {
	struct world world;
	struct upnp upnp;
	const char *client;
	unsigned version; /* of the service that is called */
	char body[UPNP_BODY_MAX + 1];
	struct soap_call answer; /* of the last call that was answered 200 */
};

static void begin(struct stage *s)
{
	static const uint8_t seed[UPNP_SEED_LEN] = {1, 2, 3};
	world_begin(&s->world);
	upnp_init(&s->upnp, s->world.list, seed);
	s->upnp.http_port = 1900;
	s->upnp.started_ms = WORLD_NOW_MS;
	s->client = "192.168.1.5";
	s->version = 2;
}

static unsigned request(struct stage *s, const char *head, const char *body)
{
	struct http_request http;
	struct upnp_request req = {.client = world_endpoint(s->client),
				   .local = world_endpoint("192.168.1.1:1900"),
				   .zone = "lan",
				   .http = &http,
				   .body = span_text(body)};
	assert_int_equal(http_request_read(span_text(head), &http), PARSE_DONE);
	struct writer w = writer_of(s->body, UPNP_BODY_MAX);
	unsigned status = upnp_answer(&s->upnp, WORLD_NOW_MS + 5000, 1, &req, &w);
	assert_int_equal(writer_check(&w), OK);
	s->body[w.pos] = 0;
	return status;
}

static unsigned get(struct stage *s, const char *path)
{
	char head[256];
	(void)snprintf(head, sizeof(head), "GET %s HTTP/1.1\r\nHost: 192.168.1.1:1900\r\n\r\n",
		       path);
	return request(s, head, "");
}

/* 200, or the code of the fault. */
static unsigned call(struct stage *s, const char *action, const char *arguments)
{
	char head[512], body[4096];
	(void)snprintf(head, sizeof(head),
		       "POST /control/WANIPConnection HTTP/1.1\r\nHost: 192.168.1.1:1900\r\n"
		       "Content-Type: text/xml; charset=\"utf-8\"\r\n"
		       "SOAPAction: \"" IP_CONNECTION "%u#%s\"\r\nContent-Length: 1\r\n\r\n",
		       s->version, action);
	(void)snprintf(body, sizeof(body),
		       "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>"
		       "<u:%s xmlns:u=\"" IP_CONNECTION "%u\">%s</u:%s></s:Body></s:Envelope>",
		       action, s->version, arguments, action);
	unsigned status = request(s, head, body);
	if (status == 200) {
		assert_int_equal(soap_call_read(span_text(s->body), 1, &s->answer), OK);
		return 200;
	}
	assert_int_equal(status, 500);
	const char *code = strstr(s->body, "<errorCode>");
	assert_non_null(code);
	return (unsigned)strtoul(code + 11, NULL, 10);
}

struct wish {
	const char *remote, *protocol, *client, *enabled, *description;
	unsigned external, internal, lease_s;
};

static const struct wish plain = {"", "TCP", "192.168.1.5", "1", "game", 8443, 8080, 600};

static unsigned add(struct stage *s, const char *action, const struct wish *w)
{
	char arguments[2048];
	(void)snprintf(arguments, sizeof(arguments),
		       "<NewRemoteHost>%s</NewRemoteHost><NewExternalPort>%u</NewExternalPort>"
		       "<NewProtocol>%s</NewProtocol><NewInternalPort>%u</NewInternalPort>"
		       "<NewInternalClient>%s</NewInternalClient><NewEnabled>%s</NewEnabled>"
		       "<NewPortMappingDescription>%s</NewPortMappingDescription>"
		       "<NewLeaseDuration>%u</NewLeaseDuration>",
		       w->remote, w->external, w->protocol, w->internal, w->client, w->enabled,
		       w->description, w->lease_s);
	return call(s, action, arguments);
}

static unsigned at_port(struct stage *s, const char *action, unsigned port)
{
	char arguments[256];
	(void)snprintf(arguments, sizeof(arguments),
		       "<NewRemoteHost/><NewExternalPort>%u</NewExternalPort>"
		       "<NewProtocol>TCP</NewProtocol>",
		       port);
	return call(s, action, arguments);
}

static const char *said(const struct stage *s, const char *name)
{
	const char *value = soap_call_argument(&s->answer, name);
	return value ? value : "(absent)";
}

/* --- who gets anything at all --- */

static void refuses_what_a_web_page_could_send(void **state)
{
	(void)state;
	struct stage s;
	begin(&s);
	/* by a name that leads here: DNS rebinding */
	assert_int_equal(
		request(&s, "GET /v2/device.xml HTTP/1.1\r\nHost: evil.example\r\n\r\n", ""), 403);
	/* a form */
	assert_int_equal(
		request(&s,
			"POST /control/WANIPConnection HTTP/1.1\r\nHost: 192.168.1.1:1900\r\n"
			"Content-Type: text/plain\r\nContent-Length: 1\r\n\r\n",
			"x"),
		415);
	/* a body of the right type without SOAPACTION, or with another one */
	assert_int_equal(
		request(&s,
			"POST /control/WANIPConnection HTTP/1.1\r\nHost: 192.168.1.1:1900\r\n"
			"Content-Type: text/xml\r\nContent-Length: 1\r\n\r\n",
			"<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>"
			"<u:GetStatusInfo xmlns:u=\"" IP_CONNECTION "1\"/></s:Body></s:Envelope>"),
		400);
	assert_int_equal(request(&s,
				 "OPTIONS /control/WANIPConnection HTTP/1.1\r\n"
				 "Host: 192.168.1.1:1900\r\n\r\n",
				 ""),
			 405);
	assert_int_equal(request(&s,
				 "SUBSCRIBE /control/WANIPConnection HTTP/1.1\r\n"
				 "Host: 192.168.1.1:1900\r\n\r\n",
				 ""),
			 405);
	assert_int_equal(get(&s, "/"), 404);
	assert_int_equal(get(&s, "/v3/device.xml"), 404);
	assert_int_equal(s.upnp.refused, 7);
	assert_string_equal(s.body, "");
	world_end(&s.world);
}

/* WANIPConnection:2 2.5.16 and 2.5: who is not authorised maps to itself, at ports of the rules. */
static void a_host_opens_ports_of_its_own_only(void **state)
{
	(void)state;
	struct stage s;
	begin(&s);
	struct wish w = plain;
	w.client = "192.168.1.6";
	assert_int_equal(add(&s, "AddPortMapping", &w), 606);
	assert_int_equal(add(&s, "AddAnyPortMapping", &w), 606);
	w = plain;
	w.external = 443;
	assert_int_equal(add(&s, "AddPortMapping", &w), 606);
	w = plain;
	w.internal = 22;
	assert_int_equal(add(&s, "AddPortMapping", &w), 606);
	assert_int_equal(call(&s, "ForceTermination", ""), 606);
	assert_int_equal(s.world.opens, 0);
	world_end(&s.world);
}

static void wrong_arguments_have_their_codes(void **state)
{
	(void)state;
	struct stage s;
	begin(&s);
	assert_int_equal(call(&s, "AddPortMapping", "<NewExternalPort>1</NewExternalPort>"), 402);
	assert_int_equal(call(&s, "Nothing", ""), 401);
	s.version = 3;
	assert_int_equal(add(&s, "AddPortMapping", &plain), 401);
	s.version = 1; /* it has no such action yet */
	assert_int_equal(add(&s, "AddAnyPortMapping", &plain), 401);
	struct wish w = plain;
	w.external = 0;
	assert_int_equal(add(&s, "AddPortMapping", &w), 716);
	w = plain;
	w.internal = 0;
	assert_int_equal(add(&s, "AddPortMapping", &w), 732);
	w = plain;
	w.external = 70000;
	assert_int_equal(add(&s, "AddPortMapping", &w), 402);
	w = plain;
	w.protocol = "SCTP";
	assert_int_equal(add(&s, "AddPortMapping", &w), 402);
	w = plain;
	w.remote = "somewhere.example";
	assert_int_equal(add(&s, "AddPortMapping", &w), 402);
	w = plain;
	w.enabled = "0";
	assert_int_equal(add(&s, "AddPortMapping", &w), 402);
	w = plain;
	w.client = "host";
	assert_int_equal(add(&s, "AddPortMapping", &w), 402);
	assert_int_equal(s.world.opens, 0);
	world_end(&s.world);
}

/* --- mappings --- */

static void a_mapping_is_added_shown_and_deleted(void **state)
{
	(void)state;
	struct stage s;
	begin(&s);
	struct wish w = plain;
	w.description = "a &lt;game&gt; &amp; more";
	assert_int_equal(add(&s, "AddPortMapping", &w), 200);
	assert_int_equal(world_find(&s.world, 6, "192.168.1.5:8080")->external.port, 8443);
	assert_int_equal(at_port(&s, "GetSpecificPortMappingEntry", 8443), 200);
	assert_string_equal(said(&s, "NewInternalPort"), "8080");
	assert_string_equal(said(&s, "NewInternalClient"), "192.168.1.5");
	assert_string_equal(said(&s, "NewPortMappingDescription"), "a <game> & more");
	assert_string_equal(said(&s, "NewLeaseDuration"), "600");
	assert_int_equal(call(&s, "GetGenericPortMappingEntry",
			      "<NewPortMappingIndex>0</NewPortMappingIndex>"),
			 200);
	assert_string_equal(said(&s, "NewExternalPort"), "8443");
	assert_string_equal(said(&s, "NewProtocol"), "TCP");
	assert_int_equal(call(&s, "GetGenericPortMappingEntry",
			      "<NewPortMappingIndex>1</NewPortMappingIndex>"),
			 713);
	assert_int_equal(at_port(&s, "DeletePortMapping", 8443), 200);
	assert_int_equal(at_port(&s, "DeletePortMapping", 8443), 714);
	assert_true(s.world.open_n == 0 && world_agrees(&s.world));
	world_end(&s.world);
}

static void others_mappings_are_neither_seen_nor_touched(void **state)
{
	(void)state;
	struct stage s;
	begin(&s);
	assert_int_equal(add(&s, "AddPortMapping", &plain), 200);
	s.client = "192.168.1.6";
	struct wish w = plain;
	w.client = s.client;
	assert_int_equal(add(&s, "AddPortMapping", &w), 718);
	assert_int_equal(at_port(&s, "DeletePortMapping", 8443), 714);
	assert_int_equal(at_port(&s, "GetSpecificPortMappingEntry", 8443), 714);
	assert_int_equal(call(&s, "GetGenericPortMappingEntry",
			      "<NewPortMappingIndex>0</NewPortMappingIndex>"),
			 713);
	assert_int_equal(call(&s, "DeletePortMappingRange",
			      "<NewStartPort>0</NewStartPort><NewEndPort>65535</NewEndPort>"
			      "<NewProtocol>TCP</NewProtocol><NewManage>1</NewManage>"),
			 730);
	/* any port: another one is given */
	assert_int_equal(add(&s, "AddAnyPortMapping", &w), 200);
	assert_string_equal(said(&s, "NewReservedPort"), "40000");
	assert_true(s.world.open_n == 2 && world_agrees(&s.world));
	world_end(&s.world);
}

/* WANIPConnection:2 2.5.16: the same host may overwrite; a lease of 0 is the longest there is. */
static void a_host_overwrites_its_own(void **state)
{
	(void)state;
	struct stage s;
	begin(&s);
	assert_int_equal(add(&s, "AddPortMapping", &plain), 200);
	struct wish w = plain;
	w.lease_s = 0;
	assert_int_equal(add(&s, "AddPortMapping", &w), 200);
	assert_int_equal(at_port(&s, "GetSpecificPortMappingEntry", 8443), 200);
	assert_string_equal(said(&s, "NewLeaseDuration"), "86400");
	w.internal = 9090; /* the same port outside to another one inside */
	assert_int_equal(add(&s, "AddPortMapping", &w), 200);
	assert_int_equal(s.world.open_n, 1);
	assert_non_null(world_find(&s.world, 6, "192.168.1.5:9090"));
	w.external = 9443; /* another port outside to the same one inside */
	assert_int_equal(add(&s, "AddPortMapping", &w), 200);
	assert_int_equal(s.world.open_n, 1);
	assert_int_equal(world_find(&s.world, 6, "192.168.1.5:9090")->external.port, 9443);
	w.remote = "198.51.100.9";
	assert_int_equal(add(&s, "AddPortMapping", &w), 200);
	assert_int_equal(world_find(&s.world, 6, "192.168.1.5:9090")->filters_n, 1);
	assert_true(world_agrees(&s.world));
	world_end(&s.world);
}

static void a_range_is_listed_and_deleted(void **state)
{
	(void)state;
	struct stage s;
	begin(&s);
	struct wish w = plain;
	w.description = "&lt;b&gt;";
	for (unsigned i = 0; i < 4; i++) {
		w.external = 8443 + i;
		w.internal = 8080 + i;
		assert_int_equal(add(&s, "AddPortMapping", &w), 200);
	}
	w.external++, w.internal++;
	assert_int_equal(add(&s, "AddPortMapping", &w), 728); /* the host's limit is 4 */
	assert_int_equal(call(&s, "GetListOfPortMappings",
			      "<NewStartPort>8444</NewStartPort><NewEndPort>9000</NewEndPort>"
			      "<NewProtocol>TCP</NewProtocol><NewManage>0</NewManage>"
			      "<NewNumberOfPorts>2</NewNumberOfPorts>"),
			 200);
	const char *list = said(&s, "NewPortListing");
	assert_non_null(strstr(list, "<p:NewExternalPort>8444</p:NewExternalPort>"));
	assert_non_null(strstr(list, "<p:NewExternalPort>8445</p:NewExternalPort>"));
	assert_null(strstr(list, "8446"));
	assert_non_null(strstr(list, "<p:NewDescription>&lt;b&gt;</p:NewDescription>"));
	assert_int_equal(call(&s, "DeletePortMappingRange",
			      "<NewStartPort>8444</NewStartPort><NewEndPort>8443</NewEndPort>"
			      "<NewProtocol>TCP</NewProtocol><NewManage>0</NewManage>"),
			 733);
	assert_int_equal(call(&s, "DeletePortMappingRange",
			      "<NewStartPort>8444</NewStartPort><NewEndPort>8445</NewEndPort>"
			      "<NewProtocol>TCP</NewProtocol><NewManage>0</NewManage>"),
			 200);
	assert_true(s.world.open_n == 2 && world_agrees(&s.world));
	assert_int_equal(call(&s, "GetListOfPortMappings",
			      "<NewStartPort>8444</NewStartPort><NewEndPort>8445</NewEndPort>"
			      "<NewProtocol>TCP</NewProtocol><NewManage>0</NewManage>"
			      "<NewNumberOfPorts>0</NewNumberOfPorts>"),
			 730);
	world_end(&s.world);
}

static void a_long_description_ends_at_a_character(void **state)
{
	(void)state;
	struct stage s;
	char text[200] = "x";
	begin(&s);
	for (size_t i = 1; i + 2 < 100; i += 2)
		memcpy(text + i, "\xc3\xa9", 3);
	struct wish w = plain;
	w.description = text;
	assert_int_equal(add(&s, "AddPortMapping", &w), 200);
	assert_int_equal(at_port(&s, "GetSpecificPortMappingEntry", 8443), 200);
	assert_int_equal(strlen(said(&s, "NewPortMappingDescription")), 63);
	world_end(&s.world);
}

static void tells_what_the_line_does(void **state)
{
	(void)state;
	struct stage s;
	begin(&s);
	s.version = 1; /* as most ask */
	assert_int_equal(call(&s, "GetExternalIPAddress", ""), 200);
	assert_string_equal(said(&s, "NewExternalIPAddress"), "203.0.113.7");
	assert_string_equal(soap_call_service(&s.answer), IP_CONNECTION "1");
	assert_int_equal(call(&s, "GetStatusInfo", ""), 200);
	assert_string_equal(said(&s, "NewConnectionStatus"), "Connected");
	assert_string_equal(said(&s, "NewUptime"), "5");
	assert_int_equal(call(&s, "GetNATRSIPStatus", ""), 200);
	assert_int_equal(call(&s, "GetConnectionTypeInfo", ""), 200);
	s.world.outside4 = (struct ip_address){0};
	assert_int_equal(call(&s, "GetStatusInfo", ""), 200);
	assert_string_equal(said(&s, "NewConnectionStatus"), "Disconnected");
	assert_int_equal(call(&s, "GetExternalIPAddress", ""), 200);
	assert_string_equal(said(&s, "NewExternalIPAddress"), "");
	assert_int_equal(add(&s, "AddPortMapping", &plain), 501);
	world_end(&s.world);
}

/* --- descriptions and discovery --- */

static void describes_itself_in_two_versions(void **state)
{
	(void)state;
	struct stage s;
	begin(&s);
	assert_int_equal(get(&s, "/v2/device.xml"), 200);
	assert_non_null(strstr(s.body, "device:InternetGatewayDevice:2</deviceType>"));
	assert_non_null(strstr(s.body, "device:WANConnectionDevice:2</deviceType>"));
	assert_non_null(strstr(s.body, "service:WANIPConnection:2</serviceType>"));
	assert_non_null(strstr(s.body, "service:WANCommonInterfaceConfig:1</serviceType>"));
	assert_non_null(strstr(s.body, "<SCPDURL>/v2/WANIPConnection.xml</SCPDURL>"));
	assert_non_null(strstr(s.body, "<UDN>uuid:01020300-0000-4000-8000-000000000000</UDN>"));
	assert_int_equal(get(&s, "/v1/device.xml"), 200);
	assert_non_null(strstr(s.body, "device:InternetGatewayDevice:1</deviceType>"));
	assert_non_null(strstr(s.body, "service:WANIPConnection:1</serviceType>"));
	assert_null(strstr(s.body, ":2</"));
	assert_int_equal(get(&s, "/v1/WANIPConnection.xml"), 200);
	assert_non_null(strstr(s.body, "<name>AddPortMapping</name>"));
	assert_null(strstr(s.body, "AddAnyPortMapping"));
	assert_null(strstr(s.body, "A_ARG_TYPE_Manage"));
	assert_int_equal(get(&s, "/v2/WANIPConnection.xml"), 200);
	assert_non_null(strstr(s.body, "<name>AddAnyPortMapping</name>"));
	assert_non_null(strstr(s.body, "<name>A_ARG_TYPE_Manage</name>"));
	assert_int_equal(get(&s, "/v2/WANCommonInterfaceConfig.xml"), 200);
	world_end(&s.world);
}

/* UDA 2.0 2.5: every variable that an action names is described. */
static void what_actions_name_is_described(void **state)
{
	(void)state;
	struct stage s;
	begin(&s);
	static const char *const paths[] = {"/v1/WANIPConnection.xml", "/v2/WANIPConnection.xml",
					    "/v2/WANCommonInterfaceConfig.xml"};
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(get(&s, paths[i]), 200);
		const char *table = strstr(s.body, "<serviceStateTable>");
		assert_non_null(table);
		for (const char *at = s.body; (at = strstr(at, "<relatedStateVariable>"));) {
			char want[128];
			at += strlen("<relatedStateVariable>");
			(void)snprintf(want, sizeof(want), "<name>%.*s</name>",
				       (int)strcspn(at, "<"), at);
			assert_non_null(strstr(table, want));
		}
	}
	world_end(&s.world);
}

static size_t found(const struct stage *s, const char *target, struct upnp_notice *ret)
{
	struct ip_address local = world_address("192.168.1.1");
	size_t n = 0;
	while (upnp_notice(&s->upnp, span_text(target), n, &local, ret))
		n++;
	return n;
}

/* UDA 2.0 1.2.2 and 1.3.3. */
static void is_found_by_role_name_type_and_older_type(void **state)
{
	(void)state;
	struct stage s;
	struct upnp_notice n;
	begin(&s);
	assert_int_equal(found(&s, "", &n), 9); /* 3 + 2 * 2 devices, 2 services */
	assert_int_equal(found(&s, "ssdp:all", &n), 9);
	assert_int_equal(found(&s, "upnp:rootdevice", &n), 1);
	assert_string_equal(n.usn, "uuid:01020300-0000-4000-8000-000000000000::upnp:rootdevice");
	assert_string_equal(n.location, "http://192.168.1.1:1900/v2/device.xml");
	assert_int_equal(found(&s, "uuid:01020300-0000-4000-8000-000000000002", &n), 1);
	assert_string_equal(n.usn, n.type);
	assert_int_equal(found(&s, IP_CONNECTION "2", &n), 1);
	assert_string_equal(n.location, "http://192.168.1.1:1900/v2/device.xml");
	assert_int_equal(found(&s, "urn:schemas-upnp-org:device:InternetGatewayDevice:1", &n), 1);
	assert_string_equal(n.type, "urn:schemas-upnp-org:device:InternetGatewayDevice:1");
	assert_string_equal(n.location, "http://192.168.1.1:1900/v1/device.xml");
	assert_int_equal(found(&s, IP_CONNECTION "3", &n), 0);
	assert_int_equal(found(&s, "urn:schemas-upnp-org:device:MediaServer:1", &n), 0);
	struct ssdp_notice out = upnp_ssdp(&s.upnp, &n);
	assert_int_equal(out.max_age_s, UPNP_MAX_AGE_S);
	world_end(&s.world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_a_web_page_could_send),
		cmocka_unit_test(a_host_opens_ports_of_its_own_only),
		cmocka_unit_test(wrong_arguments_have_their_codes),
		cmocka_unit_test(a_mapping_is_added_shown_and_deleted),
		cmocka_unit_test(others_mappings_are_neither_seen_nor_touched),
		cmocka_unit_test(a_host_overwrites_its_own),
		cmocka_unit_test(a_range_is_listed_and_deleted),
		cmocka_unit_test(a_long_description_ends_at_a_character),
		cmocka_unit_test(tells_what_the_line_does),
		cmocka_unit_test(describes_itself_in_two_versions),
		cmocka_unit_test(what_actions_name_is_described),
		cmocka_unit_test(is_found_by_role_name_type_and_older_type),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
