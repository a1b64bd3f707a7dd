#include "orchestration/lab/versions.h"

#include <jansson.h>

#include "ese-core/http_client.h"
#include "ese-core/http_server.h"
#include "ese-core/sqlite.h"
#include "orchestration/kafka/cluster.h"
#include "orchestration/kafka/kafka_home.h"

const struct ese_version *ese_versions(void)
{
    static char kafka[32];
    static struct ese_version versions[8];
    struct ese_kafka_home home;
    ese_kafka_home(&home);
    ese_kafka_home_version(&home, kafka, sizeof kafka);
    versions[0] = (struct ese_version){"ese-lab", ESE_VERSION};
    versions[1] = (struct ese_version){"apache-kafka", kafka};
    versions[2] = (struct ese_version){"librdkafka", ese_cluster_client_version()};
    versions[3] = (struct ese_version){"libcurl", ese_http_client_version()};
    versions[4] = (struct ese_version){"libmicrohttpd", ese_http_server_version()};
    versions[5] = (struct ese_version){"sqlite", ese_sqlite_library_version()};
    versions[6] = (struct ese_version){"jansson", JANSSON_VERSION};
    return versions;
}
