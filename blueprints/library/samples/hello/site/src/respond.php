<?php

declare(strict_types=1);

/** Send data as JSON. */
function respond_json(int $status, array $data): void
{
    http_response_code($status);
    header('Content-Type: application/json; charset=utf-8');
    header('Cache-Control: no-store');
    echo json_encode($data, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_PRETTY_PRINT), "\n";
}

/** Send one of the pages inside the common frame; `$values` become the page's variables. */
function respond_page(int $status, string $page, Member $member, array $values = []): void
{
    http_response_code($status);
    header('Content-Type: text/html; charset=utf-8');
    header('Cache-Control: no-store');
    header("Content-Security-Policy: default-src 'none'; style-src 'self'; img-src 'self'");
    ob_start();
    (static function (string $page, Member $member, array $values): void {
        extract($values, EXTR_SKIP);
        require __DIR__ . "/../pages/{$page}.php";
    })($page, $member, $values);
    $content = (string) ob_get_clean();
    require __DIR__ . '/../pages/frame.php';
}

/** Text made safe to stand in HTML. */
function html(string|int $text): string
{
    return htmlspecialchars((string) $text, ENT_QUOTES | ENT_SUBSTITUTE, 'UTF-8');
}
