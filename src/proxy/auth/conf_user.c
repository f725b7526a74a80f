#include "proxy/auth/conf_user.h"

static const struct config_key user_keys[] = {
	{.name = "name",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_ENTRY_NAME,
	 CONFIG_FIELD(struct proxy_user_conf, name),
	 .min = 1,
	 .max = PROXY_USER_NAME_MAX,
	 .help = "who"},
	{.name = "password",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct proxy_user_conf, password),
	 .min = 1,
	 .max = 127,
	 .example = "\"$2b$12$KIXQm5sT1s1Cq1o9mZkqUe6vJw0rO3l3c0oV1bJ9vYl1dG5c7c9Zy\"",
	 .help = "its record: bcrypt (`$2b$`), yescrypt (`$y$`), Argon2id (`$argon2id$`) or "
		 "SHA-512 (`$6$`), as htpasswd -B and mkpasswd write them"},
};

static bool is_record(const char *text)
{
	static const char *const begins[] = {"$2a$", "$2b$", "$2y$", "$y$", "$6$", "$argon2id$"};
	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (strncmp(text, begins[i], strlen(begins[i])) == 0)
			return true;
	return false;
}

static void check_user(const void *conf, struct config_at *at)
{
	const struct proxy_user_conf *c = conf;
	if (!is_record(c->password))
		config_fail(at, "password",
			    "it is no record of a password; `htpasswd -nB NAME` or "
			    "`mkpasswd` makes one");
	if (strchr(c->name, ':'))
		config_fail(at, NULL, "a name has no colon (RFC 7617)");
}

const struct config_map proxy_user_map = {
	.help = "A user",
	.size = sizeof(struct proxy_user_conf),
	CONFIG_KEYS(user_keys),
	.check = check_user,
	.alone = "password",
};
