<?php
// `/` is the page; `/entries` answers in JSON and takes new entries (POST text=...).
declare(strict_types=1);

require __DIR__ . '/../src/Entries.php';
require __DIR__ . '/../src/Counter.php';

$path = parse_url($_SERVER['REQUEST_URI'] ?? '/', PHP_URL_PATH);
try {
    if ($path === '/entries') {
        $entries = new Entries();
        if ($_SERVER['REQUEST_METHOD'] === 'POST') {
            $entries->add(mb_substr(trim((string) ($_POST['text'] ?? '')), 0, 500));
        }
        answer(200, ['entries' => $entries->all(), 'visits' => (new Counter())->count()]);
    } elseif ($path === '/') {
        page();
    } else {
        answer(404, ['error' => 'there is nothing here']);
    }
} catch (Throwable $error) {
    error_log($error->getMessage());
    answer(503, ['error' => 'the data cannot be reached']);
}

function answer(int $status, array $content): void
{
    http_response_code($status);
    header('Content-Type: application/json');
    echo json_encode($content + ['member' => getenv('ALTOSTRATUS_MEMBER')]), "\n";
}

// The page itself asks for no data: a member serves it also while the database starts again.
function page(): void
{
    header('Content-Security-Policy: default-src \'self\'; script-src \'self\'');
    echo file_get_contents(__DIR__ . '/../page.html');
}
