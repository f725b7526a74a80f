/* The tour's fourth journey: somebody far away joins the site by a tunnel and signs in, and a
 * second site is joined to it. */
#include "cli/lab_tour.h"

#include "cli/print.h"
#include "crypto/secret.h"
#include "crypto/totp.h"
#include "os/clock.h"
#include "os/spawn.h"

#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

/* Whether this kernel gave the roamer a device for his tunnel. */
static bool has_device(void)
{
	static const char *const argv[] = {"gatehouse", "lab",	"run",	   "roamer", "ip",
					   "link",	"show", "wg-home", NULL};
	bool succeeded;
	free(tour_printed(argv, &succeeded));
	return succeeded;
}

/* RFC 4648 6, as the secret is written for people. */
static bool secret_read(const char *text, uint8_t ret[TOTP_SECRET_LEN])
{
	uint32_t bits = 0;
	size_t held = 0, n = 0;
	for (; *text && n < TOTP_SECRET_LEN; text++) {
		bool letter = *text >= 'A' && *text <= 'Z', digit = *text >= '2' && *text <= '7';
		if (!letter && !digit)
			return false;
		bits = bits << 5 | (uint32_t)(letter ? *text - 'A' : *text - '2' + 26);
		held += 5;
		if (held >= 8) {
			held -= 8;
			ret[n++] = (uint8_t)(bits >> held);
		}
	}
	return n == TOTP_SECRET_LEN;
}

enum { PASSWORD_SIZE = 64 };

/* A user anew, as an administrator makes one, and what an authenticator app would show now. */
static bool user_add(char ret_password[PASSWORD_SIZE], char ret_code[TOTP_DIGITS + 1])
{
	static const char *const remove[] = {"gatehouse", "lab",    "run",  "gateway", "gatehouse",
					     "user",	  "remove", "anna", NULL};
	static const char *const add[] = {"gatehouse",	"lab",	  "run", "gateway",
					  "gatehouse",	"user",	  "add", "anna",
					  "--generate", "--json", NULL};
	uint8_t secret[TOTP_SECRET_LEN];
	bool succeeded, made;
	free(tour_printed(remove, &succeeded)); /* of an earlier tour, if there was one */
	char *text = tour_printed(add, &succeeded);
	json_t *user = succeeded ? json_loads(text, 0, NULL) : NULL;
	const char *seed = json_string_value(json_object_get(user, "secret"));
	const char *password = json_string_value(json_object_get(user, "password"));
	made = seed && password && secret_read(seed, secret) &&
	       !totp_code(secret, totp_step(clock_wall_s()), ret_code) &&
	       span_to_cstr(span_text(password), ret_password, PASSWORD_SIZE);
	if (made)
		(void)printf("gateway$ gatehouse user add anna --generate\n"
			     "anna's password: %s\n"
			     "for her authenticator app, as a QR code or typed: %s\n\n",
			     password, seed);
	json_decref(user);
	free(text);
	crypto_wipe(secret, sizeof(secret));
	return made;
}

static int tour_closed(const struct command_line *line)
{
	static const char *const web[] = {"curl",
					  "-s",
					  "-o",
					  "/dev/null",
					  "-w",
					  "%{http_code} %{redirect_url}\\n",
					  "http://www.example.com/",
					  NULL};
	tour_heading(line, "A roamer has a tunnel to the site, yet a key alone opens nothing: each "
			   "page is the sign-in");
	return tour_step("roamer", web);
}

static int tour_sign_in(const struct command_line *line)
{
	char password[PASSWORD_SIZE], code[TOTP_DIGITS + 1];
	tour_heading(line, "A person signs in there: a password, and a code that lasts 30 seconds");
	if (!user_add(password, code))
		return command_fail(NULL, "the gateway made no user");
	const char *const sign_in[] = {"sh", "/run/lab/roamer/sign-in.sh", "anna", password, code,
				       NULL};
	int status = tour_step("roamer", sign_in);
	crypto_wipe(password, sizeof(password));
	return status;
}

static int tour_inside_outside(const struct command_line *line)
{
	static const char *const watch[] = {"gatehouse", "lab", "tunnel",    "wg-home", "eth0",
					    "--count",	 "2",	"--seconds", "20",	NULL};
	static const char *const dig[] = {"dig", "+short", "+noedns", "nas.home.arpa", NULL};
	static const char *const get[] = {"busybox", "wget", "-qO-", "http://nas.home.arpa/", NULL};
	struct spawn_child watcher;
	tour_heading(line, "The nas by its name, from far away: each packet inside the tunnel, and "
			   "what passes outside");
	enum err e = tour_start("roamer", watch, &watcher);
	if (e)
		return command_fail(NULL, "roamer: %s", err_text(e));
	(void)usleep(TOUR_WATCH_STARTS_US);
	int status = tour_step("roamer", dig), watched = tour_end("roamer", &watcher);
	if (status || watched)
		return status ? status : watched;
	return tour_step("roamer", get);
}

static int tour_second_site(const struct command_line *line)
{
	static const char *const home[] = {"busybox", "wget", "-qO-", "http://nas.home.arpa/",
					   NULL};
	static const char *const away[] = {"busybox", "wget", "-qO-", "http://192.168.8.10/", NULL};
	static const char *const sessions[] = {"gatehouse", "user", "sessions", NULL};
	tour_heading(line,
		     "A second site, joined by its gateway: its hosts reach ours, and ours reach "
		     "its");
	int status = tour_step("desk", home);
	if (!status)
		status = tour_step("client1", away);
	if (status)
		return status;
	tour_heading(line, "Who is signed in, and where from");
	return tour_step("gateway", sessions);
}

int tour_tunnels(const struct command_line *line)
{
	if (!has_device()) {
		(void)printf("\nThis kernel has no TUN devices for the lab's tunnels; the site's "
			     "log says why: %s lab run gateway cat /run/lab/gateway/log\n",
			     line->program);
		return EXIT_OK;
	}
	int status = tour_closed(line);
	if (!status)
		status = tour_sign_in(line);
	if (!status)
		status = tour_inside_outside(line);
	return status ? status : tour_second_site(line);
}
