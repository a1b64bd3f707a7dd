#include "transports/face_config.h"

int ese_face_config(const char *specification, enum ese_face face, struct ese_config **config,
                    struct ese_error *error)
{
    static const struct ese_option own[] = {
        {.name = "transport", .kind = ESE_OPTION_TEXT, .value = "T", .help = "Which transport."},
        ESE_OPTION_END,
    };
    *config = ese_config_new();
    ese_config_add(*config, "Options", own);
    ese_config_give(*config, "transport", specification);
    if (ese_registry_choose(*config, face, error) == 0)
        return 0;
    ese_config_free(config);
    return -1;
}
