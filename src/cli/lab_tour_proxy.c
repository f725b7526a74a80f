/* The tour's fifth journey: the site's two web servers, which the world sees as one behind TLS; and
 * one of them is stopped while somebody asks. */
#include "cli/lab_tour.h"

#include "cli/print.h"
#include "os/spawn.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOOKS = 100, LOOK_US = 100000 };

#define APP2	  "192.168.7.12:80"
#define AUTHORITY "/run/lab/authority.pem"

static int tour_share(const struct command_line *line)
{
	static const char *const routes[] = {"gatehouse", "proxy", "routes", NULL};
	static const char *const ask[] = {
		"curl", "-sS", "--cacert", AUTHORITY, "https://cloud.example.com/?[1-6]", NULL};
	tour_heading(line, "Two web servers of the site behind one name and address: each request "
			   "to the next of them");
	int status = tour_step("gateway", routes);
	return status ? status : tour_step("visitor", ask);
}

static int tour_tls(const struct command_line *line)
{
	static const char *const tls[] = {"sh", "/run/lab/visitor/tls.sh", "cloud.example.com",
					  NULL};
	static const char *const arrived[] = {"curl",
					      "-sS",
					      "--cacert",
					      AUTHORITY,
					      "https://cloud.example.com/cgi-bin/request.cgi",
					      NULL};
	tour_heading(line, "TLS ends at the gateway: what the visitor sees of it, and the request "
			   "as it comes to the web server");
	int status = tour_step("visitor", tls);
	return status ? status : tour_step("visitor", arrived);
}

static bool is_in_state(const json_t *answer, const char *server, const char *state)
{
	const json_t *pool = json_array_get(json_object_get(answer, "pools"), 0), *b;
	size_t i;
	json_array_foreach(json_object_get(pool, "backends"), i, b)
	{
		const char *address = json_string_value(json_object_get(b, "address"));
		const char *is = json_string_value(json_object_get(b, "state"));
		if (address && is && strcmp(address, server) == 0)
			return strcmp(is, state) == 0;
	}
	return false;
}

/* Until the proxy thinks so of that server, or for some seconds: what is shown then tells. */
static void state_await(const char *server, const char *state)
{
	static const char *const argv[] = {"gatehouse", "lab",	    "run",   "gateway", "gatehouse",
					   "proxy",	"backends", "cloud", "--json",	NULL};
	bool reached = false;
	for (int i = 0; !reached && i < LOOKS; i++) {
		bool succeeded;
		if (i)
			(void)usleep(LOOK_US);
		char *text = tour_printed(argv, &succeeded);
		json_t *answer = succeeded ? json_loads(text, 0, NULL) : NULL;
		reached = is_in_state(answer, server, state);
		json_decref(answer);
		free(text);
	}
}

/* While somebody asks for page after page. */
static int stop_and_start(void)
{
	static const char *const stop[] = {"sh", "/run/lab/app2/web.sh", "stop", NULL};
	static const char *const start[] = {"sh", "/run/lab/app2/web.sh", "start", NULL};
	static const char *const backends[] = {"gatehouse", "proxy", "backends", NULL};
	int status = tour_step("app2", stop);
	if (status)
		return status;
	state_await(APP2, "down");
	status = tour_step("gateway", backends);
	if (!status)
		status = tour_step("app2", start);
	if (status)
		return status;
	state_await(APP2, "up");
	return tour_step("gateway", backends);
}

static int tour_dead_server(const struct command_line *line)
{
	static const char *const ask[] = {"sh", "/run/lab/visitor/ask.sh",
					  "https://cloud.example.com/", NULL};
	static const char *const enough[] = {
		"gatehouse", "lab", "run", "visitor", "touch", "/run/lab/visitor/enough", NULL};
	struct spawn_child asks;
	bool succeeded;
	tour_heading(line, "A visitor asks on and on, and one of the servers is stopped and comes "
			   "back: who asks meets no error");
	enum err e = tour_start("visitor", ask, &asks);
	if (e)
		return command_fail(NULL, "visitor: %s", err_text(e));
	(void)usleep(TOUR_WATCH_STARTS_US);
	int status = stop_and_start();
	(void)printf("\nHow often the visitor was answered, with which status and by whom:\n");
	(void)fflush(stdout);
	free(tour_printed(enough, &succeeded));
	int asked = tour_end("visitor", &asks);
	return status ? status : asked;
}

int tour_proxy(const struct command_line *line)
{
	int status = tour_share(line);
	if (!status)
		status = tour_tls(line);
	return status ? status : tour_dead_server(line);
}
